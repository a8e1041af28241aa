"""Closings that are accepted and not on record yet. They hold from the moment they are accepted; openings wait."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from onrecord.interaction.events import Event
from onrecord.policy.facts import Fact
from onrecord.policy.kernel import Timeline
from onrecord.workflow.prompt_register import without_register


def fact(event: Event) -> Fact:
    return Fact(event.event_id, event.type, event.t, event.received, event.data, event.uncertainty)


@dataclass(frozen=True, slots=True)
class Closings:
    """`underway`: those of each post that is being stored, by the post's number. `owed`: those that could not be
    stored, in order of arrival; they go first with the next post. A value: every change is another one."""

    underway: tuple[tuple[int, tuple[Event, ...]], ...] = ()
    owed: tuple[Event, ...] = ()
    posts: int = 0

    def accept(self, events: Iterable[Event]) -> "tuple[int, Closings]":
        """The number of a post, and what holds with its closings."""
        number = self.posts + 1
        return number, Closings((*self.underway, (number, tuple(events))), self.owed, number)

    def accept_more(self, number: int, events: Iterable[Event]) -> "Closings":
        """Further ones of that post."""
        return replace(self, underway=(*self.underway, (number, tuple(events))))

    def done(self, number: int) -> "Closings":
        """The post is stored, or was refused."""
        return Closings(tuple([post for post in self.underway if post[0] != number]), self.owed, self.posts)

    def owe(self, events: Iterable[Event]) -> "Closings":
        """Closings that could not be stored: the same one is owed once, from its earliest instant."""
        kept = list(self.owed)
        for event in events:
            same = [i for i, known in enumerate(kept) if _same(known, event)]
            if not same:
                kept.append(event)
            elif event.t - event.uncertainty < kept[same[0]].t - kept[same[0]].uncertainty:
                kept[same[0]] = event
        return replace(self, owed=tuple(kept))

    def settle(self, stored: Sequence[Event]) -> "Closings":
        """What was stored is owed no longer."""
        if not self.owed:
            return self
        return replace(self, owed=tuple(event for event in self.owed if event not in stored))

    def owed_as(self, event: Event) -> Event | None:
        """The closing that is owed under this event's id and says the same."""
        return next((known for known in self.owed if _same(known, event)), None)

    def all(self) -> list[Event]:
        return [*self.owed, *(event for _, post in self.underway for event in post)]

    def over(self, timeline: Timeline) -> list[Timeline]:
        """The timeline with every closing here, where there is one. Each post stands on those before it: when the first
        is stored, the rest is as it was."""
        found = timeline
        for post in (self.owed, *(events for _, events in self.underway)):
            if post:
                found = found.with_facts([fact(event) for event in post])
        return [found] if found is not timeline else []


def _same(one: Event, other: Event) -> bool:
    said, again = without_register(one.data), without_register(other.data)
    return (one.event_id, one.type, said) == (other.event_id, other.type, again)
