"""Other words for types and families of models, as people write them beside a name."""

from __future__ import annotations

from typing import Final

TYPES: Final[dict[str, tuple[str, ...]]] = {
    "checkpoint": ("checkpoint", "model", "ckpt", "checkpoints", "models"),
    "lora": ("lora", "loras"),
    "locon": ("locon", "lora", "lycoris"),
    "dora": ("dora", "lora"),
    "textualinversion": ("textual", "inversion", "textualinversion", "embedding", "embeddings", "ti", "embed"),
    "hypernetwork": ("hypernetwork", "hypernet", "hypernetworks", "hn"),
    "aestheticgradient": ("aesthetic", "gradient", "gradients", "aestheticgradient", "embedding"),
    "controlnet": ("controlnet", "control", "net", "cn"),
    "poses": ("poses", "pose", "openpose"),
    "wildcards": ("wildcards", "wildcard"),
    "workflows": ("workflows", "workflow", "comfyui"),
    "upscaler": ("upscaler", "upscale", "esrgan"),
    "vae": ("vae",),
    "motionmodule": ("motion", "module", "animatediff"),
}
"""By folded, glued type: words that mean it."""

BASE_MODELS: Final[dict[str, tuple[str, ...]]] = {
    "sd14": ("sd", "sd1", "stable", "diffusion"),
    "sd15": ("sd", "sd1", "1", "stable", "diffusion"),
    "sd20": ("sd", "sd2", "stable", "diffusion"),
    "sd21": ("sd", "sd2", "stable", "diffusion"),
    "sd20768": ("sd", "sd2", "sd20", "stable", "diffusion"),
    "sd21768": ("sd", "sd2", "sd21", "stable", "diffusion"),
    "sdxl10": ("sdxl", "xl", "sd", "stable", "diffusion"),
    "sdxl09": ("sdxl", "xl"),
    "sdxlturbo": ("sdxl", "xl", "turbo"),
    "sdxllightning": ("sdxl", "xl", "lightning"),
    "pony": ("pony", "pdxl", "ponyxl", "sdxl", "xl"),
    "illustrious": ("illustrious", "il", "illu", "ilxl", "sdxl", "xl"),
    "noobai": ("noobai", "noob", "nai", "sdxl", "xl"),
    "flux1d": ("flux", "flux1", "f1d", "dev", "flux1dev"),
    "flux1s": ("flux", "flux1", "f1s", "schnell"),
    "sd35": ("sd3", "sd35"),
    "sd35large": ("sd3", "sd35", "large"),
    "sd35medium": ("sd3", "sd35", "medium"),
}
"""By folded, glued base model: words that mean it beside its own."""

_SPELLINGS: Final = (("our", "or"), ("ise", "ize"), ("isation", "ization"), ("grey", "gray"), ("centre", "center"))


def spellings(word: str) -> tuple[str, ...]:
    """Other spellings of an English word: singular and plural, British and American."""
    if not word.isascii() or len(word) < 4 or not word.isalpha():
        return ()
    found = [word.removesuffix("s") if word.endswith("s") else word + "s"]
    for british, american in _SPELLINGS:
        if british in word:
            found.append(word.replace(british, american))
        elif american in word:
            found.append(word.replace(american, british))
    return tuple(found)
