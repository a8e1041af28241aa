"""What this process needs to command recordings that platforms make themselves."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from onrecord.capture.commanded import RecordingControl
from onrecord.capture.pursuit import DEADLINE_S


@dataclass(frozen=True, slots=True)
class Commanding:
    """`controls` by the platform's name; `deadline` in seconds: by when a platform is to be
    read back as following; `tasks`, one a recording that is followed. Once `leaving`, all are to pause:
    nobody can stop them while this process is away."""

    controls: Mapping[str, RecordingControl] = field(default_factory=dict)
    deadline: float = DEADLINE_S
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
