"""Where partitions lie on a disk: exactly where they lay if they fit, else closed up from some point on. Pure.

Everything is in bytes. The partitions are taken in the order they lie; as many of the first ones as possible keep
their place, the others follow closely, on whole MiB. Logical partitions stay in their container, each with room
before it for its boot record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

GRAIN = 1 << 20
"""Starts and sizes of what is moved or resized: whole MiB, as partitioning programs have aligned since 2010."""


@dataclass(frozen=True)
class Piece:
    """A partition: where it lay, how large it shall be, and whether it is a container of logical ones."""

    id: str
    start: int
    size: int
    container: bool = False
    logical: bool = False


@dataclass(frozen=True)
class Place:
    """Where a partition will lie."""

    start: int
    size: int


@dataclass(frozen=True)
class Room:
    """What a disk offers: the first byte that a partition may use and the first one that it may not; its sectors."""

    first: int
    end: int
    sector: int = 512


def arrange(pieces: Sequence[Piece], room: Room) -> Optional[Dict[str, Place]]:
    """A place for every piece, with the longest possible run of unmoved ones at the start; None if they do not fit."""
    for kept in range(len(pieces), -1, -1):
        places, end = _attempt(pieces, room, kept)
        if places is not None and end <= room.end:
            return places
    return None


def shortfall(pieces: Sequence[Piece], room: Room) -> int:
    """Bytes by which the pieces miss their room in the best arrangement; 0 or less if they fit."""
    ends = [end for kept in range(len(pieces) + 1)
            for places, end in (_attempt(pieces, room, kept),) if places is not None]
    return min(ends) - room.end if ends else room.end


def least_end(pieces: Sequence[Piece], room: Room) -> int:
    """The first byte behind the pieces when they lie as closely as they can."""
    return shortfall(pieces, room) + room.end


def _attempt(pieces: Sequence[Piece], room: Room, kept: int) -> Tuple[Optional[Dict[str, Place]], int]:
    """The places when the first ``kept`` pieces stay where they lay, and the end of the last one; None: impossible."""
    places: Dict[str, Place] = {}
    cursor = room.first
    box: Optional[Piece] = None
    inside: List[str] = []
    for index, piece in enumerate(pieces):
        if box is not None and not piece.logical:
            cursor = _close(places, box, inside, cursor, index <= kept)
            box = None
        gap = room.sector if piece.logical else 0  # its boot record lies before it
        if index < kept:
            if piece.start < cursor + gap or piece.start % room.sector or piece.size % room.sector:
                return None, 0
            start = piece.start
        else:
            start = _up(cursor + gap, GRAIN)
        if piece.container:
            places[piece.id] = Place(start, piece.size)
            box, inside, cursor = piece, [], start + room.sector
            continue
        size = _up(piece.size, room.sector)
        places[piece.id] = Place(start, size)
        inside += [piece.id] if piece.logical else []
        cursor = start + size
    if box is not None:
        cursor = _close(places, box, inside, cursor, kept >= len(pieces))
    return places, cursor


def _close(places: Dict[str, Place], box: Piece, inside: List[str], cursor: int, as_saved: bool) -> int:
    """End a container: where it ended if nothing in it moved, else behind its last logical partition."""
    start = places[box.id].start
    end = start + box.size if as_saved and start == box.start else max(_up(cursor, GRAIN), start + GRAIN)
    if as_saved and end < cursor:
        end = _up(cursor, GRAIN)
    places[box.id] = Place(start, end - start)
    return end


def _up(value: int, grain: int) -> int:
    return -(-value // grain) * grain
