"""Experiments: frozen runs in, one record a run out.

| file | idea |
|---|---|
| `benchmark` | what a run, a grid of runs and a benchmark are |
| `forget_run` | forgetting: one request, one method, one model, judged against retraining |
| `noise_run` | learning from wrong labels: one learner on one noise draw |
| `settings` | how a graph becomes a problem: its split and its task |
| `noise_draws` | where wrong labels come from: drawn anew, or kept for comparison |
| `methods` | every exported unlearner at its defaults and at several budgets |
| `cache` | what the runs of one worker share |
| `work` | carry out one run, here or on a worker |
| `run` | all runs of a benchmark that have no record yet, through a pool |

A benchmark is one more file with a ``BENCHMARK`` constant; nothing has to be registered.
"""
