"""The leaderboard: who is ahead. A service on SQLite or PostgreSQL; nothing here needs TensorFlow.

Extra `leaderboard` (and `postgres`). `tables` and `database` hold what is known, `queue`, `worker`
and `child` score it, `access` decides who sees what, `web` shows it.
"""
