"""``graphforget s3t``: the verbs of exact forgetting, each in ``commands.s3t_<verb>``."""

from __future__ import annotations

VERBS = {
    "plan": "what shards, slices and orders cost and how long they last, before anything is paid",
    "train": "cut a graph into shards, train their stages, write a service folder",
    "forget": "switch off at once what has seen what requests name",
    "predict": "write what a service answers",
    "status": "how requests, hosts and shards stand",
    "repair": "train anew what was switched off, and take the data off the disk",
    "verify": "check that the folder keeps what its journal promises",
    "stop": "end a service's router and hosts on a cluster",
}
"""Each verb and its one line."""

SAYS = (
    "Exact forgetting (S3T): models in shards, trained slice by slice; a deletion switches off\n"
    "the stages that have seen what goes, at once, and repairs train them again without it."
)

REMARK = "every verb takes --config FILE.yaml and --json\n"
