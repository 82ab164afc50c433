"""How errors reach the user: one sentence on stderr, and an exit status."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from typer.core import TyperGroup

from poselift.errors import PoseliftError

#: What a user did wrong, as with unknown options; and what a shell expects after Ctrl-C.
BAD_INPUT, INTERRUPTED = 2, 130

# Top-level modules that the extra `train` brings.
_TRAIN_EXTRA = {
    "lightning_fabric",
    "onnx",
    "onnxscript",
    "safetensors",
    "tensorboard",
    "torch",
}


def fail(sentence: str, status: int = BAD_INPUT) -> NoReturn:
    """Print the sentence to stderr and leave."""
    print(f"poselift: error: {sentence}", file=sys.stderr)
    raise SystemExit(status)


class ReportingGroup(TyperGroup):
    """The command group, with expected errors turned into sentences instead of tracebacks."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except PoseliftError as error:
            fail(str(error))
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except ModuleNotFoundError as error:
            missing = (error.name or "").split(".")[0]
            if missing not in _TRAIN_EXTRA:
                raise
            command = ctx.invoked_subcommand
            extra = "reproduce" if command == "reproduce" else "train"
            fail(
                f"`poselift {command}` needs {missing}, "
                f'install it with: pip install "poselift[{extra}]"'
            )
