"""The product's own function app in shortened time: a window of five minutes passes in a fraction of it.

Copied as `function_app.py` beside a copy of `host.json`. The emulator shortens its windows by the same factor. Leases,
polling and everything else go at their real pace.
"""

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(os.environ["LOAD_TEST_ROOT"])
SPEED = float(os.environ["LOAD_TEST_SPEED"])

sys.path.insert(0, str(ROOT))

from shared.composition import Composition  # noqa: E402 - as above
from shared.rate_limit.limits import OUTLOOK  # noqa: E402 - only now it can be found

Composition.limits = replace(
    OUTLOOK, window_seconds=OUTLOOK.window_seconds / SPEED, window_margin=OUTLOOK.window_margin / SPEED
)

spec = importlib.util.spec_from_file_location("product_app", ROOT / "function_app.py")
assert spec is not None
assert spec.loader is not None
product_app = importlib.util.module_from_spec(spec)
spec.loader.exec_module(product_app)

app = product_app.app
