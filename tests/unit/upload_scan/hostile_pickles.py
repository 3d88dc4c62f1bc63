"""Hostile pickles by class. What they name does nothing here: no test ever unpickles one of them."""

from __future__ import annotations

import struct

GADGETS = """
os system|posix system|nt system|os popen|os execve|os spawnl|os startfile|subprocess Popen|subprocess check_output
subprocess getoutput|_posixsubprocess fork_exec|pty spawn|commands getoutput|builtins eval|builtins exec
builtins compile|builtins getattr|builtins setattr|builtins __import__|builtins open|builtins breakpoint
builtins map|builtins filter|builtins print|builtins input|builtins vars|builtins globals|builtins type
builtins object|builtins super|builtins property|builtins memoryview|builtins str|builtins bytes
builtins list.__add__|__builtin__ eval|__builtin__ apply|__builtin__ execfile|__builtin__ reduce|__builtin__ file
io open|_io open|_io FileIO|io open_code|codecs open|codecs decode|_codecs decode|_codecs lookup|linecache getline
linecache updatecache|fileinput input|shutil rmtree|shutil move|shutil copyfile|pathlib Path|pathlib PosixPath
pathlib Path.unlink|os remove|os rename|os putenv|os.path join|tempfile mktemp|importlib import_module
importlib __import__|importlib reload|imp load_source|imp load_dynamic|pkgutil resolve_name|pkgutil get_data
pydoc locate|pydoc pipepager|pydoc safeimport|zipimport zipimporter|runpy run_path|runpy run_module|runpy _run_code
code InteractiveInterpreter|code interact|code InteractiveInterpreter.runcode|codeop compile_command|timeit timeit
timeit repeat|timeit main|trace Trace.run|trace Trace.runctx|cProfile run|cProfile runctx|profile Profile.run
profile Profile.runctx|pdb run|pdb Pdb|bdb Bdb.run|bdb Bdb.runcall|doctest debug_script|doctest testfile
idlelib.run Executive.runcode|idlelib.pyshell ModifiedInterpreter.runcode
idlelib.autocomplete AutoComplete.get_entity|idlelib.calltip get_entity|idlelib.debugobj ObjectTreeItem.SetText
lib2to3.pgen2.grammar Grammar.loads|lib2to3.pgen2.pgen ParserGenerator.make_label|distutils.file_util write_file
ensurepip _run_pip|ensurepip bootstrap|venv create|pip main|pip._internal main
test.support.script_helper assert_python_ok|unittest.mock _importer|unittest.mock patch|logging.config fileConfig
logging.config _resolve|logging.config valueConfig|logging FileHandler|logging.handlers SMTPHandler
functools partial|functools reduce|functools partialmethod|operator attrgetter|operator methodcaller
operator itemgetter|_operator attrgetter|_operator methodcaller|itertools accumulate|itertools starmap
types CodeType|types FunctionType|types ModuleType|types SimpleNamespace|marshal loads|pickle loads|pickle load
_pickle loads|pickle Unpickler|dill loads|dill._dill _create_function|cloudpickle loads
cloudpickle.cloudpickle _make_function|cloudpickle.cloudpickle subimport|joblib load|joblib.numpy_pickle read_array
shelve open|copyreg _reconstructor|copyreg __newobj__|copyreg add_extension|copy_reg _reconstructor|numpy load
numpy.lib.npyio load|numpy f2py|numpy.f2py.crackfortran getlincoef|numpy.f2py.crackfortran myeval
numpy.f2py.crackfortran _eval_length|numpy.f2py.crackfortran param_eval|numpy.testing._private.utils runstring
numpy.testing measure|numpy.distutils exec_command|numpy memmap|numpy fromfile|numpy genfromtxt
numpy.core.numeric fromiter|numpy save|torch load|torch.serialization load|torch.storage _load_from_bytes
torch.hub load|torch.hub load_state_dict_from_url|torch.jit load|torch.jit script|torch.jit._script script
torch compile|torch._dynamo.guards GuardBuilder.get|torch.utils.collect_env run
torch.utils._config_module load_config|torch.utils.data.datapipes.utils.decoder basichandlers
torch.utils.bottleneck.__main__ run_cprofile|torch.utils.bottleneck.__main__ run_autograd_prof
torch._inductor.codecache PyCodeCache.load|torch._utils_internal get_file_path|torch.distributed.launch main
torch.distributed.elastic.multiprocessing start_processes|torch.cuda Event|torch._C _jit_pass_inline
torch.fx.experimental.symbolic_shapes ShapeEnv.evaluate_guards_expression|torch.package PackageImporter
torch.utils.cpp_extension load_inline|torch.nn.modules.linear Linear|torch._utils _rebuild_wrapper_subclass
torch._tensor _rebuild_from_type|torch._utils _import_dotted_name|torch._utils _get_restore_location
torch._dynamo.utils import_submodule|torchvision.datasets.utils download_url|transformers AutoModel.from_pretrained
transformers.dynamic_module_utils get_class_from_dynamic_module|onnxruntime InferenceSession
tensorflow.keras.models load_model|tensorflow io.read_file|keras.models load_model
sklearn.linear_model LogisticRegression|sklearn.tree._tree Tree|pandas read_pickle|pandas eval
pandas.io.common get_handle|pandas.core.computation.eval eval|scipy.io loadmat|yaml load|yaml unsafe_load
ruamel.yaml load|jsonpickle decode|sympy sympify|jinja2 Template|mako.template Template|urllib.request urlopen
urllib.request urlretrieve|urllib2 urlopen|requests get|requests.api get|httplib HTTPConnection
http.client HTTPSConnection|aiohttp.client ClientSession|socket socket|socket create_connection
ssl get_server_certificate|smtplib SMTP|ftplib FTP|telnetlib Telnet|imaplib IMAP4_stream|poplib POP3
xmlrpc.client ServerProxy|webbrowser open|antigravity geohash|this s|turtle Screen|tkinter Tk|asyncio run
asyncio.unix_events _UnixSubprocessTransport._start|asyncio create_subprocess_shell
multiprocessing.util spawnv_passfds|multiprocessing Process|multiprocessing.spawn prepare
multiprocessing.reduction DupFd|concurrent.futures ProcessPoolExecutor|threading Thread|_thread start_new_thread
signal signal|atexit register|gc get_objects|inspect getsource|inspect currentframe|sys modules|sys setprofile
sys exit|sys _getframe|weakref finalize|contextlib ExitStack|contextlib contextmanager|ctypes CDLL
ctypes.util find_library|ctypes string_at|_ctypes dlopen|cffi FFI|mmap mmap|sqlite3 connect|sqlite3 Connection
dbm open|uuid _get_command_stdout|uuid _popen|nturl2path url2pathname|platform popen|platform _syscmd_file
getpass getpass|mailcap findmatch|cgitb Hook|site execsitecustomize|site addsitedir|sysconfig get_config_vars
_osx_support _read_output|_aix_support _read_cmd_output|_pyrepl.pager pipe_pager|_xxsubinterpreters run_string
_interpreters exec|_testcapi run_in_subinterp|collections namedtuple|collections UserDict|collections ChainMap
enum Enum|dataclasses make_dataclass|argparse Namespace|argparse FileType|typing get_type_hints|typing NamedTuple
abc ABCMeta|string Template|string Formatter|re compile|re Scanner|random Random|secrets token_bytes|hashlib new
zlib decompress|bz2 open|lzma open|gzip open|zipfile ZipFile|tarfile open|base64 b64decode|binascii unhexlify
json loads|configparser ConfigParser|optparse OptionParser|cmd Cmd|shlex split|readline read_init_file
curses wrapper|lightning.pytorch.callbacks ModelCheckpoint
pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint|omegaconf DictConfig|hydra.utils instantiate
ultralytics.nn.tasks DetectionModel|diffusers DiffusionPipeline.from_pretrained|__main__ payload|unknown unknown
collections OrderedDict.fromkeys|collections.OrderedDict __init__|torch serialization.load
torch._utils __builtins__|numpy core.multiarray._reconstruct|collections __dict__|OrderedDict OrderedDict
Collections OrderedDict|builtins Set|torch.nn.parameter Parameter.__init__|_codecs Encode
collections\N{FULLWIDTH FULL STOP}x OrderedDict
"""
"""Callables of published bypasses and gadgets, and near misses of allowed names."""

PAIRS = [
    (module, name)
    for line in GADGETS.strip().splitlines()
    for module, _, name in (item.partition(" ") for item in line.split("|"))
]


def short_text(text: str) -> bytes:
    raw = text.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def call(module: str, name: str, protocol: int) -> bytes:
    """A pickle of `module.name("x")`."""
    if protocol < 2:
        return f"c{module}\n{name}\n(Vx\ntR.".encode()
    if protocol < 4:
        return b"\x80" + bytes([protocol]) + f"c{module}\n{name}\n".encode() + b"X\x01\x00\x00\x00x\x85R."
    return b"\x80" + bytes([protocol]) + short_text(module) + short_text(name) + b"\x93" + short_text("x") + b"\x85R."


CALL = b"cos\nsystem\n(Vtrue\ntR"
STATE = b"ccollections\nOrderedDict\n)R"
NESTED = b"\x80\x02" + CALL + b"."
HIDDEN = NESTED.decode("latin-1").encode()

TRICKS: dict[str, bytes] = {
    "called and thrown away": b"\x80\x02" + CALL + b"0K\x01.",
    "popped with a mark": b"\x80\x02(" + CALL + b"1K\x01.",
    "duplicated": b"\x80\x02cos\nsystem\n2(Vtrue\ntR\x86.",
    "key of a dictionary": b"\x80\x02}" + CALL + b"K\x01s.",
    "in a set": b"\x80\x04\x8f(" + CALL + b"\x90.",
    "in a frozen set": b"\x80\x04(" + CALL + b"\x91.",
    "in a state": b"\x80\x02" + STATE + b"}X\x01\x00\x00\x00a" + CALL + b"sb.",
    "as a state": b"\x80\x02" + STATE + CALL + b"b.",
    "state of a module": b"\x80\x02csys\nmodules\n}X\x01\x00\x00\x00aK\x01sb.",
    "state of a function": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.",
    "state as a pair for slots": b"\x80\x02" + STATE + b"N}X\x09\x00\x00\x00__class__K\x01s\x86b.",
    "special name in the state": b"\x80\x02" + STATE + b"}X\x0a\x00\x00\x00__reduce__K\x01sb.",
    "name from memo by text index": b"\x80\x04Vos\np100\n0Vsystem\np7\n0g100\ng7\n\x93(Vtrue\ntR.",
    "memo overwritten": b"\x80\x04Vcollections\nq\x000Vos\nq\x000h\x00Vsystem\n\x93(Vtrue\ntR.",
    "memo by a number with a sign": b"\x80\x04Vos\np+5\n0g5\nVsystem\n\x93(Vtrue\ntR.",
    "memo by a number with underscores": b"\x80\x04Vos\np1_0\n0g10\nVsystem\n\x93(Vtrue\ntR.",
    "memoized after a jump": b"\x80\x04Vx\nq\x05\x94Vos\n\x94h\x02Vsystem\n\x93(Vtrue\ntR.",
    "long memo index": b"\x80\x04Vos\nr\x00\x01\x00\x000j\x00\x01\x00\x00Vsystem\n\x93(Vtrue\ntR.",
    "name that is escaped": b"\x80\x04V\\u006f\\u0073\nVsystem\n\x93(Vtrue\ntR.",
    "name of python 2": b"\x80\x04S'o\\x73'\nS'system'\n\x93(Vtrue\ntR.",
    "name from a tuple": b"\x80\x04Vos\nVsystem\n\x86\x93.",
    "name that was computed": b"\x80\x04c_codecs\nencode\n(Vos\nVlatin1\ntRVsystem\n\x93(Vtrue\ntR.",
    "name with half a character": b"\x80\x04X\x03\x00\x00\x00\xed\xa0\x80Vsystem\n\x93(Vtrue\ntR.",
    "name that is not UTF-8": b"cos\xff\nsystem\n(Vtrue\ntR.",
    "name with a carriage return": b"cos\r\nsystem\r\n(Vtrue\ntR.",
    "very long name": b"c" + b"a." * 3000 + b"os\nsystem\n(Vtrue\ntR.",
    "protocol in the middle": b"\x80\x02K\x010\x80\x04" + CALL + b".",
    "protocol 0 behind protocol 5": b"\x80\x05\x80\x00" + CALL + b".",
    "frames": b"\x80\x04\x95" + struct.pack("<Q", len(CALL) + 1) + CALL + b".",
    "frame in a frame": b"\x80\x04\x95" + struct.pack("<Q", len(CALL) + 10) + b"\x95" + struct.pack("<Q", 1) + CALL
    + b".",
    "frame that lies": b"\x80\x04" + CALL + b"\x95" + struct.pack("<Q", 1 << 40) + b".",
    "extension 1": b"\x80\x02\x82\x01)R.",
    "extension 2": b"\x80\x02\x83\x01\x00)R.",
    "extension 4": b"\x80\x02\x84\x01\x00\x00\x00)R.",
    "persistent text": b"Pos.system\n.",
    "next buffer": b"\x80\x05\x97.",
    "read-only buffer": b"\x80\x05\x97\x98.",
    "object with keywords": b"\x80\x04cos\nsystem\n)}Vcommand\nVtrue\ns\x92.",
    "new object": b"\x80\x02csubprocess\nPopen\nVtrue\n\x85\x81.",
    "instance": b"(Vtrue\nios\nsystem\n.",
    "object to a mark": b"(cos\nsystem\nVtrue\no.",
    "call of a call": b"\x80\x02cfunctools\npartial\n(cos\nsystem\nVtrue\ntR)R.",
    "call of what an allowed call made": b"\x80\x02" + STATE + b")R.",
    "hook of a parameter": b"\x80\x02ctorch._utils\n_rebuild_parameter\n(NI01\ncos\nsystem\ntR.",
    "type of a rebuilt tensor": b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor\n"
    b"cos\nsystem\n)}tR.",
    "function of a rebuilt tensor": b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n)}"
    b"tR.",
    "factory of a default dictionary": b"\x80\x02ccollections\ndefaultdict\n(cos\nsystem\ntR.",
    "factory that is allowed elsewhere": b"\x80\x02ccollections\ndefaultdict\n(ccollections\nOrderedDict\ntR.",
    "subtype of an array": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmemmap\n(K\x00tVb\ntR.",
    "objects in an array": b"\x80\x02cnumpy\ndtype\n(VO8\nI0\nI1\ntR.",
    "objects in a structure": b"\x80\x02cnumpy\ndtype\n(VV8\nI0\nI1\ntR(K\x03V|\nNVa\n\x85}Va\n"
    b"cnumpy\ndtype\n(VO8\nI0\nI1\ntR"
    b"K\x00\x86sK\x08K\x01K\x00tb.",
    "foreign value in a structure": b"\x80\x02cnumpy\ndtype\n(VV8\nI0\nI1\ntR(K\x03V|\nNVa\n\x85}Va\n" + STATE
    + b"K\x00\x86sK\x08K\x01K\x00tb.",
    "list as an array's data": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tVb\ntR"
    b"(K\x01K\x01\x85cnumpy\ndtype\n(Vf8\nI0\nI1\ntR\x89]tb.",
    "codec that decodes": b"\x80\x02c_codecs\nencode\n(Vx\nVrot13\ntR.",
    "array from a call": b"\x80\x05cnumpy.core.numeric\n_frombuffer\n(" + CALL + b"cnumpy\ndtype\n(Vf8\nI0\nI1\ntR"
    b"K\x01\x85VC\ntR.",
    "time from text": b"\x80\x02cdatetime\ndatetime\n(V2020\ntR.",
    "behind a long constant": b"\x80\x02B" + struct.pack("<I", 3 << 20) + bytes(3 << 20) + b"0" + CALL + b".",
    "behind a long line": b"V" + b"a" * (3 << 20) + b"\n0" + CALL + b".",
    "behind ten thousand values": b"\x80\x02" + b"N0" * 10_000 + CALL + b".",
    "hidden in bytes": b"\x80\x03C" + bytes([len(NESTED)]) + NESTED + b".",
    "hidden in long bytes": b"\x80\x03B" + struct.pack("<I", len(NESTED) + 8192) + NESTED + bytes(8192) + b".",
    "hidden twice": b"\x80\x03C" + bytes([len(NESTED) + 5]) + b"\x80\x03C" + bytes([len(NESTED)]) + NESTED + b"..",
    "hidden in text of python 2": b"\x80\x02U" + bytes([len(NESTED)]) + NESTED + b".",
    "hidden in text that becomes bytes": b"\x80\x02c_codecs\nencode\n(X" + struct.pack("<I", len(HIDDEN)) + HIDDEN
    + b"X\x06\x00\x00\x00latin1tR.",
    "cut off after the call": b"\x80\x02" + CALL,
    "unknown operation after the call": b"\x80\x02" + CALL + b"\xff.",
    "underflow after the call": b"\x80\x02" + CALL + b"000.",
    "left on the stack": b"\x80\x02K\x01" + CALL + b".",
    "second pickle": b"\x80\x02K\x01." + NESTED,
    "third pickle": b"\x80\x02K\x01.\x80\x04N." + NESTED,
}  # fmt: skip
