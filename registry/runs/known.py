"""The methods that can be run: those of the register, of installed packages, and files."""

from __future__ import annotations

from methods import index
from methods.index import MethodInfo
from methods.plugins import ClashError, file_method, installed, names_a_file
from registry.core.errors import UnknownNameError, UsageError


def known_methods() -> tuple[MethodInfo, ...]:
    """Every method of the register and of installed packages, by slug.

    Raises UsageError where two of them have one slug.
    """
    try:
        more = installed().methods
    except ClashError as error:
        raise UsageError(str(error)) from None
    return tuple(sorted((*index.METHODS, *more), key=lambda method: method.slug))


def broken_packages() -> tuple[str, ...]:
    """A sentence for each installed package whose methods could not be read."""
    try:
        return installed().problems
    except ClashError:
        return ()


def find_method(name: str) -> MethodInfo:
    """The method called ``name``, or the one that stands in the file ``name``.

    Raises UnknownNameError with the nearest names, UsageError where the file is no method.
    """
    if names_a_file(name):
        try:
            return file_method(name)
        except ValueError as error:
            raise UsageError(str(error)) from None
    known = known_methods()
    info = next((method for method in known if method.slug == name), None)
    if info is None:
        slugs = [method.slug for method in known]
        raise UnknownNameError("method", name, slugs, "registry list methods")
    return info
