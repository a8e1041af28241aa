"""The rows of the table of routes that are about stopping a recording."""

from onrecord.entrypoints.api import optout
from onrecord.entrypoints.api import optout_forms as forms
from onrecord.entrypoints.api.route import Answer, Body, Parameter, Route
from onrecord.workflow.principal import Scope

OPT_OUT = (
    Route(
        "GET",
        "/v1/opt-out-triggers",
        "getOptOutTriggers",
        "The keys and phrases with which a person stops a recording",
        optout.show_triggers,
        {200: Answer("As chosen, or the usual ones", (forms.Triggers,))},
        scope=Scope.RECORD_READ,
    ),
    Route(
        "PUT",
        "/v1/opt-out-triggers",
        "putOptOutTriggers",
        "Chooses them, in place of those before",
        optout.choose_triggers,
        {200: Answer("Chosen", (forms.Triggers,))},
        scope=Scope.POLICY_SET,
        body=Body(forms.NewTriggers, (forms.NewTriggers,)),
        errors=("invalid_triggers",),
    ),
    Route(
        "POST",
        "/v1/interactions/{interaction}/strip-tokens",
        "createStripToken",
        "A key for the agent's strip: for this interaction alone, with the agent's say",
        optout.lend,
        {201: Answer("Made, shown this once", (forms.StripToken,))},
        scope=Scope.STRIP_LEND,
    ),
    Route(
        "GET",
        "/v1/interactions/{interaction}/strip",
        "getStrip",
        "What an agent is shown: what is recorded and why, what to read, what may be pressed",
        optout.show,
        {200: Answer("The strip", (forms.Strip,))},
        scope=Scope.RECORD_READ,
        parameters=(Parameter("language", "query", "BCP 47, of the script."),),
    ),
    *(
        Route("GET", path, operation, told, optout.page, {200: Answer("A file", media_type=media)}, public=True)
        for path, operation, told, media in (
            ("/strip", "getStripPage", "The agent's strip, `/strip#interaction=ID&token=TOKEN`", "text/html"),
            ("/strip.css", "getStripStyle", "Its style", "text/css"),
            ("/strip.js", "getStripCode", "Its code, a module", "text/javascript"),
        )
    ),
)
