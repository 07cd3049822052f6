"""A delivery: what is to happen to one Outlook item when its files are in. Composed, collected, sent at most once."""
