"""What a conversation's events say of the capture systems that it commands."""

from onrecord.interaction.entries import SystemEntry
from onrecord.interaction.events import Event, Internal

SYSTEM_EVENTS = frozenset(
    {Internal.SYSTEM_ATTACHED, Internal.SYSTEM_BARRED, Internal.SYSTEM_COMMANDED, Internal.SYSTEM_ANSWERED}
)


def apply_system(systems: dict[str, SystemEntry], event: Event) -> None:
    """Reads all that it needs before it changes anything. What is said of a system that is not attached is passed
    over."""
    data = event.data
    match event.type:
        case Internal.SYSTEM_ATTACHED:
            systems[data["system"]] = SystemEntry(
                data["name"], tuple(data["kinds"]), data["deadline"], data["vendor"], tuple(data["lacking"])
            )
        case Internal.SYSTEM_BARRED:
            lacking = {each["system"]: tuple(each["lacking"]) for each in data["systems"]}
            for name, entry in systems.items():
                entry.lacking = lacking.get(name, ())
        case Internal.SYSTEM_COMMANDED:
            if data["system"] in systems:
                systems[data["system"]].command = data
        case _:
            if data["system"] in systems:
                systems[data["system"]].answer = data
