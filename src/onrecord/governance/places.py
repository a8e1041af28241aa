"""Places whose law wants a contract with each processor.

Sources: GDPR Art. 3 and 28, TFEU Art. 349 and 355 (which overseas parts are of the Union), UK GDPR, DPDP Act s. 8(2);
ISO 3166-1 and ISO 3166-2:US for the codes that there are."""

import re
from collections.abc import Iterable

_OTHERS = """
    AD AE AF AG AI AL AM AO AQ AR AS AU AW AZ BA BB BD BF BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF
    CG CH CI CK CL CM CN CO CR CU CV CW CX DJ DM DO DZ EC EG EH ER ET FJ FK FM FO GA GD GE GG GH GI GL GM GN GQ GS GT
    GU GW GY HK HM HN HT ID IL IM IO IQ IR JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LK LR LS LY MA MC MD
    ME MG MH MK ML MM MN MO MP MR MS MU MV MW MX MY MZ NA NC NE NF NG NI NP NR NU NZ OM PA PE PF PG PH PK PM PN PR PS
    PW PY QA RS RU RW SA SB SC SD SG SH SJ SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE ZA ZM ZW"""
_STATES = """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR
    PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR UM VI"""
OTHERS, STATES = frozenset(_OTHERS.split()), frozenset(_STATES.split())
"""ISO 3166-1 without the EEA, what of the Union lies overseas under its own code (AX GF GP MF MQ RE YT), GB and IN."""


def need_contract(places: Iterable[str]) -> bool:
    """Whether a party is where a contract is needed. A place that is none that is known may be any."""
    return any(_needs(place.strip().upper()) for place in places)


def _needs(place: str) -> bool:
    country, dash, part = place.partition("-")
    if country not in OTHERS:
        return True
    if country == "US" and dash:
        return part not in STATES
    return bool(dash) and re.fullmatch("[A-Z0-9]{1,3}", part) is None
