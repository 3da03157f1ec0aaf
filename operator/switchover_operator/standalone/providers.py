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
    field: Literal["openai", "mistral", "azureOpenai"] = "openai"
    needs_key: bool = True


PROVIDERS: Final[Mapping[str, Known]] = {
    "openai": Known("OPENAI_API_KEY", "platform.openai.com/docs/api-reference/authentication"),
    "mistral": Known("MISTRAL_API_KEY", "docs.mistral.ai/getting-started/quickstart", field="mistral"),
    # The names of the variables are those that the OpenAI SDK's AzureOpenAI client reads.
    "azure-openai": Known(
        "AZURE_OPENAI_API_KEY", "github.com/openai/openai-python#microsoft-azure-openai", field="azureOpenai"
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
    "azure": "azure-openai",
    "azure_openai": "azure-openai",
    "azureopenai": "azure-openai",
    "fireworks_ai": "fireworks",
    "lm_studio": "lmstudio",
    "mistralai": "mistral",
    "together_ai": "together",
}
"""What other tools call some of them."""

NOT_SERVED: Final = frozenset(
    ("anthropic", "bedrock", "cohere", "gemini", "google", "vertex", "vertexai", "vertex-ai", "vertex_ai")
)
"""Providers with APIs of their own that this gateway does not speak."""

AZURE_ENDPOINT: Final = "AZURE_OPENAI_ENDPOINT"
AZURE_API_VERSION: Final = "OPENAI_API_VERSION"
AZURE_DEFAULT_VERSION: Final = "2024-10-21"
"""The newest that is generally available (learn.microsoft.com/azure/ai-services/openai/api-version-lifecycle)."""
