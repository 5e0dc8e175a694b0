"""Static files: compressed, named by their content, with the imports between modules rewritten to those names."""

import hashlib
from functools import cache

from django.contrib.staticfiles.storage import staticfiles_storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from lairchat import VERSION


class ModuleStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True


@cache
def build_id() -> str:
    """Names what the browser runs: changes with any static file, so that an open page learns of a new build."""
    names = getattr(staticfiles_storage, "hashed_files", None)
    if not names:
        return VERSION
    return hashlib.sha256(repr(sorted(names.items())).encode()).hexdigest()[:12]
