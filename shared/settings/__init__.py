"""The app's settings: read once at start, every fault reported at once, by name."""

from shared.settings.model import (
    BlobTriggerSource,
    SameFile,
    Settings,
    SettingsError,
    SourceOnSuccess,
    StorageConnection,
)
from shared.settings.reading import load, read
from shared.settings.table import SETTING_NAMES, SETTINGS, Setting
from shared.settings.timeout import function_timeout

__all__ = [
    "SETTINGS",
    "SETTING_NAMES",
    "BlobTriggerSource",
    "SameFile",
    "Setting",
    "Settings",
    "SettingsError",
    "SourceOnSuccess",
    "StorageConnection",
    "function_timeout",
    "load",
    "read",
]
