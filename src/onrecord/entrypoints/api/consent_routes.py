"""The rows of the table of routes that are about prompts, standing profiles, withdrawal, receipts and legal bases."""

from onrecord.entrypoints.api import consent_forms as forms
from onrecord.entrypoints.api import legal_bases, profiles, prompts, receipts
from onrecord.entrypoints.api.route import Answer, Body, Parameter, Route
from onrecord.workflow.principal import Scope
from onrecord.workflow.prompts import MAX_AUDIO_BYTES

PROMPTS = (
    Route(
        "POST",
        "/v1/prompts",
        "registerPrompt",
        "A notice or script, in one language. What is registered never changes: a new text is a new version",
        prompts.create,
        {
            201: Answer("Registered", (forms.RegisteredPrompt,)),
            200: Answer("It was already, with the same content", (forms.RegisteredPrompt,)),
        },
        scope=Scope.PROMPTS_WRITE,
        body=Body(forms.NewPrompt, (forms.NewPrompt,)),
        errors=("prompt_exists", "invalid_prompt", "register_full"),
    ),
    Route(
        "GET",
        "/v1/prompts",
        "listPrompts",
        "All prompts and their versions",
        prompts.show_all,
        {200: Answer("Prompts, by id", (forms.PromptList,))},
        scope=Scope.PROMPTS_READ,
    ),
    Route(
        "GET",
        "/v1/prompts/{prompt}",
        "getPrompt",
        "One prompt: its versions in the order of registration, and which of them is current",
        prompts.show,
        {200: Answer("The prompt", (forms.PromptView,))},
        scope=Scope.PROMPTS_READ,
    ),
    Route(
        "PUT",
        "/v1/prompts/{prompt}/current",
        "makePromptCurrent",
        "Interactions are admitted under this version from now on: a consent to another one of this prompt is stale",
        prompts.make_current,
        {200: Answer("The prompt", (forms.PromptView,))},
        scope=Scope.PROMPTS_WRITE,
        body=Body(forms.CurrentPrompt, (forms.CurrentPrompt,)),
        errors=("prompt_unknown",),
    ),
    Route(
        "PUT",
        "/v1/prompts/{prompt}/{version}/audio",
        "putPromptAudio",
        "The sound of a version: one channel, PCM16 or mu-law, 8 to 48 kHz. Another sound is another version",
        prompts.store_audio,
        {
            201: Answer("Stored", (forms.PromptAudio,)),
            200: Answer("It was already", (forms.PromptAudio,)),
        },
        scope=Scope.PROMPTS_WRITE,
        body=Body(bytes, (), limit=MAX_AUDIO_BYTES, media_type="audio/wav"),
        errors=("prompt_exists", "wav_refused"),
    ),
    Route(
        "GET",
        "/v1/prompts/{prompt}/{version}/audio",
        "getPromptAudio",
        "The sound of a version, as it was given",
        prompts.audio,
        {200: Answer("A WAV file", media_type="audio/wav")},
        scope=Scope.PROMPTS_READ,
    ),
)

PROFILES = (
    Route(
        "POST",
        "/v1/persons",
        "findPerson",
        "The random id of a person, by your own id of them; made on first sight",
        profiles.find_person,
        {200: Answer("The person", (forms.PersonView,))},
        scope=Scope.PROFILES_WRITE,
        body=Body(forms.ExternalId, (forms.ExternalId,)),
    ),
    Route(
        "PUT",
        "/v1/persons/{person}/profile",
        "putProfile",
        "What a person has agreed to over conversations, in place of what stood there; withdrawals stay",
        profiles.keep,
        {200: Answer("The profile", (forms.Profile,))},
        scope=Scope.PROFILES_WRITE,
        body=Body(forms.NewProfile, (forms.NewProfile,)),
        errors=("source_not_entitled", "invalid_profile", "prompt_unknown", "erased"),
    ),
    Route(
        "GET",
        "/v1/persons/{person}/profile",
        "getProfile",
        "What a person has agreed to over conversations and taken back, and what of it holds now",
        profiles.show,
        {200: Answer("The profile", (forms.Profile,))},
        scope=Scope.PROFILES_READ,
        errors=("erased",),
    ),
    Route(
        "POST",
        "/v1/withdrawals",
        "withdrawConsent",
        "Takes a person's consent back in every conversation, those that go on first, and for those to come",
        profiles.take_back,
        {201: Answer("It holds", (forms.Withdrawn,))},
        scope=Scope.PROFILES_WRITE,
        body=Body(forms.NewWithdrawal, (forms.NewWithdrawal,)),
    ),
)

LEGAL_BASES = (
    Route(
        "POST",
        "/v1/legal-bases",
        "registerLegalBasis",
        "On what a purpose rests beside consent; for a legitimate interest with its balancing test. It never changes",
        legal_bases.create,
        {
            201: Answer("Registered", (forms.RegisteredLegalBasis,)),
            200: Answer("It was already, with the same content", (forms.RegisteredLegalBasis,)),
        },
        scope=Scope.LEGAL_BASES_WRITE,
        body=Body(forms.NewLegalBasis, (forms.NewLegalBasis,)),
        errors=("legal_basis_exists", "invalid_legal_basis", "register_full"),
    ),
    Route(
        "GET",
        "/v1/legal-bases",
        "listLegalBases",
        "All records of legal bases",
        legal_bases.show_all,
        {200: Answer("Records, by id", (forms.LegalBases,))},
        scope=Scope.LEGAL_BASES_READ,
    ),
    Route(
        "GET",
        "/v1/legal-bases/{legal_basis}",
        "getLegalBasis",
        "One record of a legal basis",
        legal_bases.show,
        {200: Answer("The record", (forms.LegalBasisView,))},
        scope=Scope.LEGAL_BASES_READ,
    ),
)

RECEIPTS = (
    Route(
        "GET",
        "/v1/interactions/{interaction}/receipts",
        "getReceipts",
        "What each person has agreed to, refused and withdrawn: ISO/IEC TS 27560 receipts in the W3C DPV",
        receipts.show,
        {200: Answer("JSON-LD, one receipt a person", media_type=receipts.MEDIA_TYPE)},
        scope=Scope.RECORD_READ,
        parameters=(Parameter("party", "query", "A role, `party_id` or person id. Default: all who are not staff."),),
    ),
)
