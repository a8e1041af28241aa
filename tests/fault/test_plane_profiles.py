"""A standing profile says no more than the packs let the platform say."""

import asyncio
from dataclasses import replace

import pytest
from plane_life import WHO, Life

from onrecord.policy.kinds import Kind
from onrecord.policy.pack import parse
from onrecord.workflow import profiles
from onrecord.workflow.admit import NewInteraction, NewParty, admit
from onrecord.workflow.deployment import LoadedPack
from onrecord.workflow.find import find

NARROW = b"""format: onrecord-policy-pack/1
id: desk
version: 1.0.0
title: Desk
status: draft
effective: 2018-01-01
scope: always
asserters: {consent: [%s]}
rights:
  - {id: desk-access, what: access, citation: GDPR art. 15, effective: 2018-01-01, status: draft}
"""


@pytest.mark.parametrize(("asserters", "reason"), [(b"ivr", "AWAITING_CONSENT"), (b"ivr, platform", "CONSENT_GIVEN")])
def test_a_pack_that_names_who_tells_of_consents_names_it_for_profiles_too(asserters, reason):
    async def whole():
        life = Life(1)
        await life.start()
        text = NARROW % asserters
        d = replace(life.d, packs=(*life.d.packs, LoadedPack(parse(text), life.d.sign(text))))
        person = await profiles.person_of(d, WHO, "crm-1")
        await profiles.keep(d, WHO, person, [{"purposes": ["recording"], "method": "email"}])
        name, _ = await admit(d, WHO, NewInteraction("retail", (NewParty("customer", "IE", external_id="crm-1"),)))
        live = await find(d, name)
        assert live.timeline.decision(Kind.AUDIO_RECORDING, 1.0).reason == reason
        life.end()

    asyncio.run(whole())
