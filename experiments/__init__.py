"""Experiments: frozen runs in, one record a run out.

| file | idea |
|---|---|
| `benchmark` | a run, and a benchmark as products of choices that yields runs |
| `settings` | how a graph becomes a problem: its split and its task |
| `methods` | every exported unlearner at its defaults and at several budgets |
| `work` | carry out one run, here or on a worker |
| `run` | all runs of a benchmark that have no record yet, through a pool |

A benchmark is one more file with a ``BENCHMARK`` constant; nothing has to be registered.
"""
