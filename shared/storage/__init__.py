"""Azure Storage: the source blob, the checkpoints and the transfer queue, behind narrow ports."""
