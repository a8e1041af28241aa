"""The rows of the table of routes that are about prompts."""

from onrecord.entrypoints.api import consent_forms as forms
from onrecord.entrypoints.api import prompts
from onrecord.entrypoints.api.route import Answer, Body, Route
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
