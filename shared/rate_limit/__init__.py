"""The rate limiter's rules: which runs may use a mailbox, and how many bytes they may send, over all instances.

Pure arithmetic on one small value per mailbox. `shared/storage/mailbox_records.py` stores the value for
all workers, `shared/run/rate_limiter.py` applies the rules on behalf of a run.
"""
