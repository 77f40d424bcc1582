"""``graphforget s3t``: the verbs of exact forgetting, each in ``commands.s3t_<verb>``."""

from __future__ import annotations

VERBS = {
    "plan": "what shards, slices and orders cost and how long they last, before anything is paid",
}
"""Each verb and its one line."""

SAYS = (
    "Exact forgetting (S3T): models in shards, trained slice by slice; a deletion switches off\n"
    "the stages that have seen what goes, at once, and repairs train them again without it."
)

REMARK = "every verb takes --config FILE.yaml and --json\n"
