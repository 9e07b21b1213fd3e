"""The errors that EdgeMEF raises on purpose.

Each message is one sentence: what was expected, what was found, what to do. The command line prints
it and leaves with the error's `exit_code`; anything else that escapes is a bug.
"""


class EdgeMefError(Exception):
    """Base of all errors raised on purpose; `exit_code` is the command's exit status."""

    exit_code = 2


class InputError(EdgeMefError):
    """A picture, bracket, option or array cannot be used (exit code 2)."""


class OutputError(EdgeMefError):
    """A result could not be written: folder, permission or disk space (exit code 2)."""


class BundleError(EdgeMefError):
    """A bundle is missing, damaged, or made for something else (exit code 2)."""


class FrameTooLargeError(InputError):
    """A frame needs more memory than there is; raised before it is allocated (exit code 2)."""


class GateError(EdgeMefError):
    """A check on an artefact failed: parity, precision or size (exit code 1)."""

    exit_code = 1


class MissingError(EdgeMefError):
    """Something is not installed, or no such device is here (exit code 3)."""

    exit_code = 3


def missing_extra(wanted: str, module: str, extra: str) -> MissingError:
    """Return the error for an import that an extra would satisfy, with the install command."""
    return MissingError(
        f"{wanted} needs the Python package '{module}', which is not installed: "
        f"pip install 'edge-mef[{extra}]'"
    )
