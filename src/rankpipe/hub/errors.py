"""The hub's many exceptions as one clear line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rankpipe.errors import InputError


@contextmanager
def hub_errors(repo: str, revision: str | None = None) -> Iterator[None]:
    """Context around calls to huggingface_hub; what it refuses becomes an :class:`InputError` that names ``repo``."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = f"{repo} at {constants.ENDPOINT}"
    token = "" if os.environ.get("HF_TOKEN") else "; no HF_TOKEN is set, a private repository needs one"
    try:
        yield
    except HFValidationError as error:
        raise InputError(f"'{repo}' is not the name of a hub repository: {error}") from error
    except RepositoryNotFoundError as error:
        raise InputError(f"{where}: no such repository, or none that you may see{token}") from error
    except RevisionNotFoundError as error:
        raise InputError(f"{where}: no revision '{revision or 'main'}'") from error
    except LocalEntryNotFoundError as error:
        raise InputError(f"{where}: not reachable, and not in the local cache") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        reason = {401: f"the token is not valid{token}", 403: "the token may not do this; it needs write access"}
        raise InputError(f"{where}: {reason.get(status, f'refused with status {status}: {error}')}") from error
    except HfHubHTTPError.__mro__[1] as error:
        # The HTTP library's own base error: huggingface_hub has changed libraries twice, and re-exports no common name.
        raise InputError(f"{where}: not reachable: {error}") from error
