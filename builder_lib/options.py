"""What one build is asked for: the configuration, and what is said on the command line beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Tuple

from builder_lib.architecture import ARCHITECTURES, Architecture
from builder_lib.config import Config

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class BuildOptions:
    """One build. ``output`` is the file or directory that a single product goes to, if somebody named it.

    ``refresh`` takes the newest packages instead of the cached layer; ``offline`` takes none from any mirror.
    """

    output: Optional[Path] = None
    config: Config = field(default_factory=Config)
    refresh: bool = False
    offline: bool = False

    @property
    def architecture(self) -> Architecture:
        return ARCHITECTURES[self.config.image.architecture]

    @property
    def consoles(self) -> Tuple[str, ...]:
        """The kernel's consoles, the main one last."""
        return self.config.boot.consoles or ("tty0", self.architecture.serial)

    @property
    def directory(self) -> Path:
        """Where outputs go that nobody named."""
        return PROJECT / self.config.release.output

    def product(self, suffix: str) -> Path:
        """Where the product with that suffix of its name goes."""
        return self.output or self.directory / (self.config.release.name + suffix)

    @property
    def arguments(self) -> Tuple[str, ...]:
        """The kernel arguments that the configuration adds to the entries which start a recovery."""
        recovery = self.config.recovery
        words = tuple(self.config.boot.append.split())
        if recovery.auto and "rescue.auto" not in words:
            words += ("rescue.auto",)
        if recovery.sif != "auto":
            words += (f"rescue.sif={recovery.sif}",)
        return words

    @property
    def unattended(self) -> bool:
        """Whether the recovery asks nobody."""
        return "rescue.auto" in self.arguments
