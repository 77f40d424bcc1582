"""The ground floor, which imports nothing else of ours: one small idea a file.

| file | idea |
|---|---|
| `errors` | the two ways to tell a user what is wrong |
| `files` | a killed writer leaves the old file or the whole new one |
| `config` | frozen dataclasses to JSON and back |
| `neighborhood` | k-hop sets at the cost of their size |
| `metric` | a measure says which direction is good |
| `record` | one JSON line for each run |
| `pool` | the same function here or on a Ray cluster |
"""
