"""Whether a file's name and declared type agree with what its content is."""

from __future__ import annotations

from pathlib import PurePosixPath

from services.upload.scan.report import Refusal

_TORCH = frozenset({"torch_zip", "torch_legacy"})
_WEIGHTS = _TORCH | {"safetensors", "gguf", "onnx"}
_ARCHIVES = frozenset({"zip", "npz", "tar", "7z", "gzip", "bzip2", "xz"})
_IMAGES = frozenset({"png", "jpeg", "webp", "gif", "bmp"})
_PROGRAM_NAMES = frozenset({
    ".exe", ".dll", ".so", ".dylib", ".com", ".scr", ".msi", ".bat", ".cmd", ".ps1", ".psm1", ".vbs", ".vbe", ".js",
    ".mjs", ".jse", ".wsf", ".hta", ".jar", ".class", ".py", ".pyc", ".pyw", ".pyd", ".sh", ".bash", ".zsh", ".fish",
    ".pl", ".rb", ".php", ".lnk", ".url", ".desktop", ".reg", ".inf", ".app", ".apk", ".deb", ".rpm", ".dmg", ".iso",
    ".html", ".htm", ".xhtml", ".svg", ".whl", ".egg",
})  # fmt: skip

_MODEL_NAMES: dict[str, frozenset[str]] = {
    ".safetensors": frozenset({"safetensors"}),
    ".sft": frozenset({"safetensors"}),
    ".gguf": frozenset({"gguf"}),
    ".onnx": frozenset({"onnx"}),
    **dict.fromkeys((".ckpt", ".pt", ".pth", ".bin"), _TORCH),
}
_IMAGE_NAMES = {
    ".png": frozenset({"png"}), ".webp": frozenset({"webp"}), ".gif": frozenset({"gif"}), ".bmp": frozenset({"bmp"}),
    **dict.fromkeys((".jpg", ".jpeg", ".jfif"), frozenset({"jpeg"})),
}  # fmt: skip
_ARCHIVE_NAMES = {
    ".zip": frozenset({"zip", "npz"}), ".tar": frozenset({"tar"}), ".7z": frozenset({"7z"}),
    **dict.fromkeys((".gz", ".tgz"), frozenset({"gzip"})),
    **dict.fromkeys((".bz2", ".tbz2", ".tbz"), frozenset({"bzip2"})),
    **dict.fromkeys((".xz", ".txz"), frozenset({"xz"})),
}  # fmt: skip
_TEXT_NAMES = dict.fromkeys(
    (".yaml", ".yml", ".json", ".txt", ".toml", ".csv", ".md", ".caption", ".jsonl", ".ini", ".cfg", ".tsv", ".log"),
    frozenset({"text"}),
)

EXTENSIONS: dict[str, frozenset[str]] = {
    **_MODEL_NAMES,
    **_ARCHIVE_NAMES,
    **_TEXT_NAMES,
    ".npz": frozenset({"npz"}),
    ".npy": frozenset({"numpy"}),
}
"""Extensions that the hub takes for a file of its own, with the contents each may have."""

NAMES: dict[str, frozenset[str]] = {
    **EXTENSIONS,
    **_IMAGE_NAMES,
    ".zip": frozenset({"zip", "npz", "torch_zip"}),
    **dict.fromkeys((".pkl", ".pickle", ".p", ".pk", ".joblib", ".dill"), _TORCH | {"pickle"}),
}
"""The same for one's own files and for members of archives, where other extensions claim nothing."""

READABLE = _WEIGHTS | _ARCHIVES | _IMAGES | {"npz", "numpy", "pickle", "text"}
"""Formats that are looked into to the last byte."""

DECLARED: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "Model", "Pruned Model", "Negative", "Text Encoder", "Vision Encoder", "VAE", "UNet", "Diffusion Model",
            "CLIPVision", "ControlNet", "Upscaler", "Enhancement LoRA",
        ),
        _WEIGHTS,
    ),
    "Archive": _ARCHIVES,
    "Config": frozenset({"text"}),
    "Training Data": _ARCHIVES | {"text", "npz", "numpy"},
    "Workflow": _ARCHIVES | {"text"},
    "Other": _WEIGHTS | _ARCHIVES | {"text", "npz", "numpy"},
}  # fmt: skip
"""File types of the API, with the contents each may have."""

_TITLES = {
    "safetensors": "a safetensors file", "gguf": "a GGUF file", "torch_zip": "a PyTorch archive",
    "torch_legacy": "an old PyTorch file", "pickle": "a plain Python pickle", "zip": "a zip archive",
    "text": "plain text", "html": "a web page", "script": "a script", "executable": "a program", "onnx": "an ONNX file",
    "empty": "empty", "unknown": "of no kind that the hub knows", "numpy": "a NumPy array",
    "npz": "an archive of NumPy arrays",
}  # fmt: skip


def extension_of(name: str) -> str:
    """The last extension of a file name in lower case, with its dot; "" without one."""
    return PurePosixPath(name).suffix.lower()


def title_of(found: str) -> str:
    """A format as people say it, with its article."""
    return _TITLES.get(found, f"a {found} file")


def check_agreement(name: str, declared_type: str | None, found: str) -> None:
    """Name, declared type (None: nobody declared one) and content must say the same.

    Raises:
        Refusal: they do not; the message says which to change.
    """
    if found == "empty" and (declared_type is not None or extension_of(name) not in _TEXT_NAMES):
        raise Refusal("file.empty", "", f"{name} has no bytes. Upload it again.")
    if declared_type is None:
        check_name(name, found)
        return
    extension = extension_of(name)
    if extension not in EXTENSIONS:
        known = ", ".join(sorted(EXTENSIONS))
        raise Refusal("name.extension", "", f"{name} has no extension that the hub takes. Take one of {known}.")
    if found not in EXTENSIONS[extension]:
        raise _mismatch(name, found)
    if declared_type not in DECLARED:
        message = f"The file type {declared_type!r} is unknown. Take one of {', '.join(DECLARED)}."
        raise Refusal("type.unknown", "", message)
    if found not in DECLARED[declared_type]:
        raise Refusal(
            "type.mismatch", "",
            f"{name} is {title_of(found)} and cannot be of the type {declared_type!r}. Change the type or the file.",
        )  # fmt: skip


def check_name(name: str, found: str) -> None:
    """A name alone must not contradict the content, and a content that cannot be looked into has no good name.

    Raises:
        Refusal: it does.
    """
    extension = extension_of(name)
    if extension in _PROGRAM_NAMES:
        raise Refusal("content.program", "", f"{name} is named like a program or a page. Leave it out.")
    if found == "empty" and extension not in _MODEL_NAMES:
        return
    if extension in NAMES and found not in NAMES[extension]:
        raise _mismatch(name, found)
    if found not in READABLE:
        raise Refusal("content.unknown", "", f"{name} is {title_of(found)}, which cannot be inspected. Leave it out.")


def _mismatch(name: str, found: str) -> Refusal:
    extension = extension_of(name)
    return Refusal(
        "content.mismatch", "",
        f"{name} is {title_of(found)}, not what {extension} stands for. Give it the extension of what it is.",
    )  # fmt: skip
