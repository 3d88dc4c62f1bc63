"""Artificial-intelligence resource names (AIR) of hub models.

Format: `urn:air:{ecosystem}:{type}:{source}:{model}@{version}`; the ecosystem is the lower-cased
root family of the base model, and a base model that no family names passes through lower-cased.
"""

SOURCE = "civitai"

_ECOSYSTEMS: dict[str, tuple[str, ...]] = {
    "sd1": ("SD 1.4", "SD 1.5", "SD 1.5 LCM", "SD 1.5 Hyper"),
    "sd2": ("SD 2.0", "SD 2.0 768", "SD 2.1", "SD 2.1 768", "SD 2.1 Unclip"),
    "sd3": ("SD 3", "SD 3.5", "SD 3.5 Large", "SD 3.5 Large Turbo"),
    "sd3_5m": ("SD 3.5 Medium",),
    "sdxl": (
        "SDXL 0.9", "SDXL 1.0", "SDXL 1.0 LCM", "SDXL Lightning", "SDXL Hyper", "SDXL Turbo",
        "Pony", "Illustrious", "NoobAI",
    ),
    "sdxldistilled": ("SDXL Distilled",),
    "scascade": ("Stable Cascade",),
    "svd": ("SVD", "SVD XT"),
    "flux1": ("Flux.1 S", "Flux.1 D"),
    "fluxkrea": ("Flux.1 Krea",),
    "flux1kontext": ("Flux.1 Kontext",),
    "flux2": (
        "Flux.2 D", "Flux.2 Klein 9B", "Flux.2 Klein 9B-base", "Flux.2 Klein 4B", "Flux.2 Klein 4B-base",
    ),
    "flux3video": ("Flux 3 Video",),
    "auraflow": ("AuraFlow", "Pony V7"),
    "pixarta": ("PixArt a",),
    "pixarte": ("PixArt E",),
    "hydit1": ("Hunyuan 1",),
    "hyv1": ("Hunyuan Video",),
    "qwen2": ("Qwen 2",),
    "qwen3": ("Qwen 3",),
    "ltxv23": ("LTXV 2.3",),
    "wanvideo": ("Wan Video",),
    "wanvideo1_3b_t2v": ("Wan Video 1.3B t2v",),
    "wanvideo14b_t2v": ("Wan Video 14B t2v",),
    "wanvideo14b_i2v_480p": ("Wan Video 14B i2v 480p",),
    "wanvideo14b_i2v_720p": ("Wan Video 14B i2v 720p",),
    "wanvideo-22-ti2v-5b": ("Wan Video 2.2 TI2V-5B",),
    "wanvideo-22-i2v-a14b": ("Wan Video 2.2 I2V-A14B",),
    "wanvideo-22-t2v-a14b": ("Wan Video 2.2 T2V-A14B",),
    "wanvideo-25-t2v": ("Wan Video 2.5 T2V",),
    "wanvideo-25-i2v": ("Wan Video 2.5 I2V",),
    "wanimage27": ("Wan Image 2.7",),
    "wanvideo27": ("Wan Video 2.7",),
    "ideogram": ("Ideogram 4.0",),
    "krea2": ("Krea 2",),
    "nanobanana": ("Nano Banana",),
    "playgroundv2": ("Playground v2",),
    "sora2": ("Sora 2",),
    "veo3": ("Veo 3",),
    "vidu": ("Vidu Q1",),
    "minimaxh3": ("MiniMax H3",),
    "ace": ("ACE Audio",),
    "other": ("Other", "Upscaler"),
}  # fmt: skip

_ECOSYSTEM_OF = {base_model: ecosystem for ecosystem, names in _ECOSYSTEMS.items() for base_model in names}

_TYPE_OF = {
    "Checkpoint": "checkpoint",
    "LORA": "lora",
    "LoCon": "lycoris",
    "DoRA": "dora",
    "TextualInversion": "embedding",
    "Hypernetwork": "hypernet",
    "AestheticGradient": "ag",
    "VisionLanguage": "visionlanguage",
    "Controlnet": "controlnet",
    "Upscaler": "upscaler",
    "MotionModule": "motion",
    "VAE": "vae",
    "TextEncoder": "text_encoders",
    "UNet": "unet",
    "CLIPVision": "clipvision",
    "CLIP": "clip",
}

_FILE_TYPE_OF = {"Diffusion Model": "diffusionmodel", "UNet": "unet"}


def air(*, model_id: int, version_id: int, model_type: str, base_model: str, primary_file_type: str | None) -> str:
    """The AIR of one version, e.g. `urn:air:sdxl:checkpoint:civitai:4021@9105`."""
    ecosystem = _ECOSYSTEM_OF.get(base_model, base_model.lower())
    kind = _FILE_TYPE_OF.get(primary_file_type or "") or _TYPE_OF.get(model_type, "unknown")
    return f"urn:air:{ecosystem}:{kind}:{SOURCE}:{model_id}@{version_id}"
