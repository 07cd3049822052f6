"""Outlook Attachment Drop: the product's code. `core` decides, the other packages act, `run` joins them."""
