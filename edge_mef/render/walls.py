"""Rooms: floor, ceiling, four walls, and windows with frames, muntins, sills and curtains."""

from dataclasses import dataclass

import numpy as np

from edge_mef.render.scene import Group, Opening, Solid
from edge_mef.render.shapes import Box, Frustum
from edge_mef.render.textures import Fabric, Plain, Texture, Wood
from edge_mef.render.vectors import Triple

THICKNESS = 0.24


@dataclass(frozen=True)
class Window:
    """A window in the 'far', 'left' or 'right' wall.

    `start` and `end` are metres along the wall (x for the far wall, z for the others), `sill` and
    `top` heights, `panes` how many (across, up), `curtain` a colour or None.
    """

    wall: str
    start: float
    end: float
    sill: float = 0.85
    top: float = 2.3
    panes: tuple[int, int] = (3, 2)
    frame: Triple = (0.75, 0.74, 0.7)
    curtain: Triple | None = None


@dataclass(frozen=True)
class Room:
    """A room: x within -width/2..width/2, y within 0..height, z within 0..depth (metres)."""

    width: float
    depth: float
    height: float
    floor: Texture
    ceiling: Texture
    walls: dict[str, Texture]
    windows: tuple[Window, ...]
    floor_gloss: float = 0.7
    skirting: Triple = (0.7, 0.69, 0.65)

    def groups(self) -> tuple[Group, ...]:
        """Return the shell of the room and its windows as groups of solids."""
        x, z, t = self.width / 2, self.depth / 2, THICKNESS / 2
        reach = x + 1
        plates = (
            Solid(
                Box((0, -t, z), (reach, t, z + 1)), self.floor, gloss=self.floor_gloss, world=True
            ),
            Solid(Box((0, self.height + t, z), (reach, t, z + 1)), self.ceiling, world=True),
            Solid(
                Box((0, self.height / 2, -t), (reach, self.height, t)),
                self.walls["near"],
                world=True,
            ),
        )
        # One group per side, so that a ray towards a window skips the others.
        shell = [Group((plate,)) for plate in plates]
        for wall in ("far", "left", "right"):
            shell.append(Group((*self._wall(wall), *self._skirting(wall))))
        windows = [Group(tuple(self._window(window))) for window in self.windows]
        curtains = [Group(tuple(self._curtains(w, w.curtain))) for w in self.windows if w.curtain]
        return (*shell, *windows, *curtains)

    def openings(self) -> tuple[Opening, ...]:
        """Return the windows as sources of daylight, at the outer face of the walls."""
        return tuple(self._opening(window) for window in self.windows)

    def _length(self, wall: str) -> tuple[float, float]:
        far = wall == "far"
        return (-self.width / 2, self.width / 2) if far else (0.0, self.depth)

    def _block(
        self,
        wall: str,
        along: tuple[float, float],
        up: tuple[float, float],
        deep: tuple[float, float],
    ) -> Box:
        """Return a box by its ranges along a wall, upwards, and outwards from the wall's face."""
        middle, half = (along[0] + along[1]) / 2, (along[1] - along[0]) / 2
        y, tall = (up[0] + up[1]) / 2, (up[1] - up[0]) / 2
        out, thick = (deep[0] + deep[1]) / 2, (deep[1] - deep[0]) / 2
        if wall == "far":
            return Box((middle, y, self.depth + out), (half, tall, thick))
        side = -1 if wall == "left" else 1
        return Box((side * (self.width / 2 + out), y, middle), (thick, tall, half))

    def _wall(self, wall: str) -> list[Solid]:
        low, high = self._length(wall)
        low, high = low - THICKNESS, high + THICKNESS
        deep = (0.0, THICKNESS)
        boxes, here = [], low
        for window in sorted((w for w in self.windows if w.wall == wall), key=lambda w: w.start):
            boxes.append(self._block(wall, (here, window.start), (0, self.height), deep))
            span = (window.start, window.end)
            boxes.append(self._block(wall, span, (0, window.sill), deep))
            boxes.append(self._block(wall, span, (window.top, self.height), deep))
            here = window.end
        boxes.append(self._block(wall, (here, high), (0, self.height), deep))
        return [Solid(box, self.walls[wall], world=True) for box in boxes]

    def _skirting(self, wall: str) -> list[Solid]:
        low, high = self._length(wall)
        paint = Plain(self.skirting, mottle=0.06)
        board = self._block(wall, (low, high), (0.0, 0.11), (-0.018, 0.0))
        lip = self._block(wall, (low, high), (0.09, 0.11), (-0.024, 0.0))
        crown = self._block(wall, (low, high), (self.height - 0.06, self.height), (-0.05, 0.0))
        return [Solid(box, paint) for box in (board, lip, crown)]

    def _window(self, w: Window) -> list[Solid]:
        paint = Plain(w.frame, mottle=0.05)
        deep, thin = (0.12, 0.18), (0.135, 0.165)
        boxes = []
        for a, b in ((w.start, w.start + 0.055), (w.end - 0.055, w.end)):
            boxes.append(self._block(w.wall, (a, b), (w.sill, w.top), deep))
        for a, b in ((w.sill, w.sill + 0.055), (w.top - 0.055, w.top)):
            boxes.append(self._block(w.wall, (w.start, w.end), (a, b), deep))
        for index in range(1, w.panes[0]):
            x = w.start + (w.end - w.start) * index / w.panes[0]
            boxes.append(self._block(w.wall, (x - 0.022, x + 0.022), (w.sill, w.top), thin))
        for index in range(1, w.panes[1]):
            y = w.sill + (w.top - w.sill) * (index / w.panes[1]) ** 0.75
            boxes.append(self._block(w.wall, (w.start, w.end), (y - 0.018, y + 0.018), thin))
        board = self._block(
            w.wall, (w.start - 0.06, w.end + 0.06), (w.sill - 0.035, w.sill + 0.002), (-0.06, 0.12)
        )
        architrave = [
            self._block(w.wall, (a, b), (w.sill, w.top + 0.07), (-0.015, 0.0))
            for a, b in ((w.start - 0.07, w.start), (w.end, w.end + 0.07))
        ]
        head = self._block(
            w.wall, (w.start - 0.07, w.end + 0.07), (w.top, w.top + 0.07), (-0.015, 0.0)
        )
        return [Solid(box, paint) for box in (*boxes, board, *architrave, head)]

    def _curtains(self, w: Window, colour: Triple) -> list[Solid]:
        cloth = Fabric(colour, offset=6)
        parts, top = [], min(w.top + 0.2, self.height - 0.08)
        for edge, side in ((w.start, -1), (w.end, 1)):
            for fold in range(5):
                place = edge + side * (0.03 + 0.085 * fold)
                depth = 0.085 + 0.02 * (-1) ** fold
                radius = 0.053 + 0.01 * float(np.cos(fold * 2.2))
                foot = self._block(w.wall, (place, place), (0.03, 0.03), (-depth, -depth)).center
                parts.append(Solid(Frustum(foot, radius * 1.15, radius * 0.85, top - 0.03), cloth))
        rod = self._block(
            w.wall, (w.start - 0.55, w.end + 0.55), (top - 0.01, top + 0.015), (-0.1, -0.075)
        )
        return [*parts, Solid(rod, Wood((0.2, 0.1, 0.05)))]

    def _opening(self, w: Window) -> Opening:
        up = (0.0, w.top - w.sill, 0.0)
        outer = self._block(w.wall, (w.start, w.start), (w.sill, w.sill), (THICKNESS, THICKNESS))
        length = w.end - w.start
        if w.wall == "far":
            return Opening(outer.center, (length, 0.0, 0.0), up, (0.0, 0.0, -1.0))
        inward = 1.0 if w.wall == "left" else -1.0
        return Opening(outer.center, (0.0, 0.0, length), up, (inward, 0.0, 0.0))
