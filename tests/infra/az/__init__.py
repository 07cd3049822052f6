"""A stand-in for the Azure CLI with a memory: one file of state behind the commands that the deployer uses.

It answers whole documents in the shape that azure-cli 2.91 returns (`documents.py`) and evaluates `--query` on them
with the same library (jmespath). It refuses options that the real commands do not know (`commands.json`). It knows
whose rights a call is judged by (`rights.py`): those of the account of `--subscription`, or of the default account.
A test may put a rule in front of it: an error, or another document, for commands that begin with certain words.
"""
