"""Politeness: who may work on a mailbox, and how much may be sent to it, over all instances together.

Pure arithmetic on one small value per mailbox. `shared/storage/mailbox_records.py` keeps the value where every worker
finds it, `shared/run/rate_limiter.py` asks and answers on behalf of a run.
"""
