"""The providers that `--model` knows: their hosts and the environment variables of their keys, each with its source.

Data alone. A provider without an API of its own here speaks OpenAI's. Its API begins with `/v1/` behind `base_path`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Known:
    """A provider. `field` is its field of an Upstream's `ai`, `variable` the environment variable of its key.

    `host` and `port` are where it is; "" where the Upstream's field knows it, or only the user does. One that
    `needs_key` refuses requests without a key. `source` says where all this is written.
    """

    variable: str
    source: str
    host: str = ""
    port: int = HTTPS
    base_path: str = ""
    field: Literal["openai", "mistral", "azureOpenai", "anthropic", "gemini", "vertexAi", "bedrock"] = "openai"
    needs_key: bool = True


PROVIDERS: Final[Mapping[str, Known]] = {
    "openai": Known("OPENAI_API_KEY", "platform.openai.com/docs/api-reference/authentication"),
    "mistral": Known("MISTRAL_API_KEY", "docs.mistral.ai/getting-started/quickstart", field="mistral"),
    # The names of the variables are those that the OpenAI SDK's AzureOpenAI client reads.
    "azure-openai": Known(
        "AZURE_OPENAI_API_KEY", "github.com/openai/openai-python#microsoft-azure-openai", field="azureOpenai"
    ),
    "anthropic": Known("ANTHROPIC_API_KEY", "platform.claude.com/docs/en/api/sdks/python", field="anthropic"),
    "gemini": Known("GEMINI_API_KEY", "ai.google.dev/gemini-api/docs/api-key", field="gemini"),
    # The variable holds the path of a file, which holds the key.
    "vertex": Known(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "cloud.google.com/docs/authentication/application-default-credentials",
        field="vertexAi",
    ),
    "bedrock": Known(
        "AWS_BEARER_TOKEN_BEDROCK",
        "docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html",
        field="bedrock",
        needs_key=False,
    ),
    "cerebras": Known("CEREBRAS_API_KEY", "inference-docs.cerebras.ai/resources/openai", "api.cerebras.ai"),
    "deepseek": Known("DEEPSEEK_API_KEY", "api-docs.deepseek.com", "api.deepseek.com"),
    "fireworks": Known(
        "FIREWORKS_API_KEY",
        "docs.fireworks.ai/tools-sdks/openai-compatibility",
        "api.fireworks.ai",
        base_path="/inference",
    ),
    "groq": Known("GROQ_API_KEY", "console.groq.com/docs/openai", "api.groq.com", base_path="/openai"),
    "openrouter": Known("OPENROUTER_API_KEY", "openrouter.ai/docs/quickstart", "openrouter.ai", base_path="/api"),
    "together": Known("TOGETHER_API_KEY", "docs.together.ai/docs/inference/openai-compatibility", "api.together.ai"),
    "xai": Known("XAI_API_KEY", "docs.x.ai/docs/api-reference", "api.x.ai"),
    # Servers of models on one's own machine.
    "lmstudio": Known(
        "LMSTUDIO_API_KEY", "lmstudio.ai/docs/app/api/endpoints/openai", "127.0.0.1", 1234, needs_key=False
    ),
    "ollama": Known("OLLAMA_API_KEY", "docs.ollama.com/api/openai-compatibility", "127.0.0.1", 11434, needs_key=False),
    "vllm": Known(
        "VLLM_API_KEY", "docs.vllm.ai/en/latest/serving/openai_compatible_server", "127.0.0.1", 8000, needs_key=False
    ),
}

OTHER_NAMES: Final[Mapping[str, str]] = {
    "amazon-bedrock": "bedrock",
    "aws": "bedrock",
    "azure": "azure-openai",
    "azure_openai": "azure-openai",
    "azureopenai": "azure-openai",
    "claude": "anthropic",
    "fireworks_ai": "fireworks",
    "google": "gemini",
    "lm_studio": "lmstudio",
    "mistralai": "mistral",
    "together_ai": "together",
    "vertex-ai": "vertex",
    "vertex_ai": "vertex",
    "vertexai": "vertex",
}
"""What other tools call some of them."""

NOT_SERVED: Final = frozenset(("cohere",))
"""Providers with APIs of their own that this gateway does not speak."""

VERTEX_PROJECT: Final = "GOOGLE_CLOUD_PROJECT"
VERTEX_LOCATION: Final = "GOOGLE_CLOUD_LOCATION"
VERTEX_DEFAULT_LOCATION: Final = "global"
"""The names are those that the Google Gen AI SDK reads, and so is the location without one."""

AWS_BEARER_TOKEN: Final = "AWS_BEARER_TOKEN_BEDROCK"  # noqa: S105 - the name of a variable
AWS_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
AWS_REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The names are those that the AWS SDKs and the AWS CLI read (AWS SDKs and Tools Reference Guide, "Environment
variables"). The last of the keys is for temporary credentials alone."""

AZURE_ENDPOINT: Final = "AZURE_OPENAI_ENDPOINT"
AZURE_API_VERSION: Final = "OPENAI_API_VERSION"
AZURE_DEFAULT_VERSION: Final = "2024-10-21"
"""The newest that is generally available (learn.microsoft.com/azure/ai-services/openai/api-version-lifecycle)."""
