"""How errors reach the user: one sentence on stderr, and an exit status."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

from typer import BadParameter
from typer.core import TyperGroup

from poselift.cli.pipes import as_given, deliver
from poselift.errors import PoseliftError, how_to_install, printable

#: What a user did wrong, as with unknown options; and what a shell expects after Ctrl-C and after
#: a reader of the output that went away, as `head` does.
BAD_INPUT, INTERRUPTED, UNREAD = 2, 130, 141

# A full device, a reader that went away, a terminal that is gone.
_OF_STDOUT = (errno.ENOSPC, errno.EPIPE, errno.EIO)

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
    print(f"poselift: error: {as_given(sentence)}", file=sys.stderr)
    raise SystemExit(status)


class ReportingGroup(TyperGroup):
    """The command group, with expected errors turned into sentences instead of tracebacks."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command; SIGTERM and SIGHUP clean up as Ctrl-C does."""
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as of nohup
                signal.signal(number, signal.default_int_handler)
        try:
            result = super().invoke(ctx)
            deliver()
            sys.stdout.flush()
            return result
        except PoseliftError as error:
            fail(str(error))
        except BadParameter as error:  # what a command says of its options, with their usage
            error.ctx = error.ctx or ctx
            raise
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except OSError as error:
            if error.filename is not None:  # as a name that is too long for any file
                fail(printable(f"{error.filename}: cannot be used ({error.strerror})"))
            if error.errno not in _OF_STDOUT:
                raise
            with suppress(OSError):  # what is left in the buffer cannot be written either
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if error.errno == errno.EPIPE:
                raise SystemExit(UNREAD) from None
            fail(f"standard output cannot be written ({error.strerror})")
        except ModuleNotFoundError as error:
            missing = (error.name or "").split(".")[0]
            if missing not in _TRAIN_EXTRA:
                raise
            command = ctx.invoked_subcommand
            extra = "reproduce" if command == "reproduce" else "train"
            fail(f"`poselift {command}` needs {missing}, install it with: {how_to_install(extra)}")
