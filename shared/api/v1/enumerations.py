"""Every value that the compatible API knows."""

from __future__ import annotations

from typing import Final

MODEL_TYPES: Final = (
    "Checkpoint", "TextualInversion", "Hypernetwork", "AestheticGradient", "LORA", "LoCon", "DoRA", "Controlnet",
    "Upscaler", "MotionModule", "VAE", "TextEncoder", "UNet", "CLIPVision", "Poses", "Wildcards", "Workflows",
    "ComfyWorkflows", "Detection", "VisionLanguage", "CLIP", "LLM", "Other",
)  # fmt: skip
FILE_TYPES: Final = (
    "Model", "Text Encoder", "Vision Encoder", "Pruned Model", "Negative", "Training Data", "VAE", "Config", "Archive",
    "UNet", "Diffusion Model", "CLIPVision", "ControlNet", "Workflow", "Upscaler", "Enhancement LoRA", "Other",
)  # fmt: skip
FILE_FORMATS: Final = ("SafeTensor", "PickleTensor", "GGUF", "Diffusers", "Core ML", "ONNX", "Other")
COMMERCIAL_USES: Final = ("None", "Image", "RentCivit", "Rent", "Sell")
CHECKPOINT_TYPES: Final = ("Trained", "Merge")
AVAILABILITIES: Final = ("Public", "Unsearchable", "Private", "EarlyAccess")
MODEL_STATUSES: Final = (
    "Draft", "Training", "Published", "Scheduled", "Unpublished", "UnpublishedViolation", "GatherInterest", "Deleted",
)  # fmt: skip
MODEL_SORTS: Final = (
    "Highest Rated", "Most Downloaded", "Most Liked", "Most Discussed", "Most Collected", "Most Images", "Newest",
    "Oldest", "Trending",
)  # fmt: skip
PERIODS: Final = ("Day", "Week", "Month", "Year", "AllTime")
IMAGE_SORTS: Final = ("Most Reactions", "Most Comments", "Most Collected", "Newest", "Oldest", "Random")
MEDIA_TYPES: Final = ("image", "video", "audio")

LEVEL_PG: Final = 1
LEVEL_MATURE_MASK: Final = 4 | 8 | 16 | 32
LEVEL_ALL: Final = 31
LEVEL_NAMES: Final = {1: "None", 2: "Soft", 4: "Mature", 8: "X", 16: "X", 32: "Blocked"}
"""What `/images` calls a picture's level; everywhere else it is the number."""
LEVEL_MASKS: Final = {"None": 1, "Soft": 3, "Mature": 7, "X": LEVEL_ALL, "Blocked": 32}
"""The levels that each value of `nsfw` shows on `/images`."""
