"""The dev host: runs a Python function app by the rules of the Azure Functions host, with no Core Tools.

`python -m devkit.functions_host --app DIR` starts it. The app itself runs in worker processes (`worker.py`), which
import nothing of the host but the frames they talk in.
"""
