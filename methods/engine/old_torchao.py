"""PEFT beside an old torchao: torchtune pins one that PEFT refuses, though it never uses it here.

PEFT asks for torchao whenever it makes a layer, and raises where it finds one below the version it
can read, also where no weight is torchao's. None of ours is: weights are plain float32 tensors.
"""

from __future__ import annotations


def tolerate() -> None:
    """From now on PEFT takes a torchao that is too old for it as none. Imports peft."""
    from peft import import_utils
    from peft.tuners.lora import torchao
    from peft.utils import quantization_utils

    try:
        import_utils.is_torchao_available()
    except ImportError:
        for module in (import_utils, torchao, quantization_utils):
            module.is_torchao_available = lambda: False
