from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Until(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNTIL_UNSPECIFIED: _ClassVar[Until]
    UNTIL_LINE: _ClassVar[Until]
    UNTIL_STATEMENT: _ClassVar[Until]
    UNTIL_SCOPE: _ClassVar[Until]

class FinishReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINISH_REASON_UNSPECIFIED: _ClassVar[FinishReason]
    FINISH_REASON_END_OF_TEXT: _ClassVar[FinishReason]
    FINISH_REASON_STOP: _ClassVar[FinishReason]
    FINISH_REASON_LENGTH: _ClassVar[FinishReason]
    FINISH_REASON_DEADLINE: _ClassVar[FinishReason]
    FINISH_REASON_CANCELLED: _ClassVar[FinishReason]
    FINISH_REASON_CONFIDENCE: _ClassVar[FinishReason]
UNTIL_UNSPECIFIED: Until
UNTIL_LINE: Until
UNTIL_STATEMENT: Until
UNTIL_SCOPE: Until
FINISH_REASON_UNSPECIFIED: FinishReason
FINISH_REASON_END_OF_TEXT: FinishReason
FINISH_REASON_STOP: FinishReason
FINISH_REASON_LENGTH: FinishReason
FINISH_REASON_DEADLINE: FinishReason
FINISH_REASON_CANCELLED: FinishReason
FINISH_REASON_CONFIDENCE: FinishReason

class InfillRequest(_message.Message):
    __slots__ = ("prefix", "suffix", "path", "language", "max_tokens", "temperature", "seed", "stop", "deadline_ms", "session", "single_line", "top_p", "alternatives", "least_confidence", "logprobs", "until", "model")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SINGLE_LINE_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    LEAST_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    suffix: str
    path: str
    language: str
    max_tokens: int
    temperature: float
    seed: int
    stop: _containers.RepeatedScalarFieldContainer[str]
    deadline_ms: int
    session: str
    single_line: bool
    top_p: float
    alternatives: int
    least_confidence: float
    logprobs: bool
    until: Until
    model: str
    def __init__(self, prefix: _Optional[str] = ..., suffix: _Optional[str] = ..., path: _Optional[str] = ..., language: _Optional[str] = ..., max_tokens: _Optional[int] = ..., temperature: _Optional[float] = ..., seed: _Optional[int] = ..., stop: _Optional[_Iterable[str]] = ..., deadline_ms: _Optional[int] = ..., session: _Optional[str] = ..., single_line: _Optional[bool] = ..., top_p: _Optional[float] = ..., alternatives: _Optional[int] = ..., least_confidence: _Optional[float] = ..., logprobs: _Optional[bool] = ..., until: _Optional[_Union[Until, str]] = ..., model: _Optional[str] = ...) -> None: ...

class InfillResponse(_message.Message):
    __slots__ = ("text", "model_version", "finish_reason", "tokens", "prompt_tokens", "reused_tokens", "alternative", "logprobs")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REUSED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVE_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    text: str
    model_version: str
    finish_reason: FinishReason
    tokens: int
    prompt_tokens: int
    reused_tokens: int
    alternative: int
    logprobs: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, text: _Optional[str] = ..., model_version: _Optional[str] = ..., finish_reason: _Optional[_Union[FinishReason, str]] = ..., tokens: _Optional[int] = ..., prompt_tokens: _Optional[int] = ..., reused_tokens: _Optional[int] = ..., alternative: _Optional[int] = ..., logprobs: _Optional[_Iterable[float]] = ...) -> None: ...

class ModelRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class ModelResponse(_message.Message):
    __slots__ = ("model_version", "step", "tokens", "bits_per_byte", "context", "format", "orders", "name", "serving", "trouble", "adapter")
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    BITS_PER_BYTE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SERVING_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    ADAPTER_FIELD_NUMBER: _ClassVar[int]
    model_version: str
    step: int
    tokens: int
    bits_per_byte: float
    context: int
    format: str
    orders: _containers.RepeatedScalarFieldContainer[str]
    name: str
    serving: bool
    trouble: str
    adapter: bool
    def __init__(self, model_version: _Optional[str] = ..., step: _Optional[int] = ..., tokens: _Optional[int] = ..., bits_per_byte: _Optional[float] = ..., context: _Optional[int] = ..., format: _Optional[str] = ..., orders: _Optional[_Iterable[str]] = ..., name: _Optional[str] = ..., serving: _Optional[bool] = ..., trouble: _Optional[str] = ..., adapter: _Optional[bool] = ...) -> None: ...

class ModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ModelResponse]
    def __init__(self, models: _Optional[_Iterable[_Union[ModelResponse, _Mapping]]] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("prefix", "suffix", "path", "language", "middle", "model")
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    SUFFIX_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    MIDDLE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    suffix: str
    path: str
    language: str
    middle: str
    model: str
    def __init__(self, prefix: _Optional[str] = ..., suffix: _Optional[str] = ..., path: _Optional[str] = ..., language: _Optional[str] = ..., middle: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("model_version", "logprobs", "bits_per_byte", "prompt_tokens")
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    BITS_PER_BYTE_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    model_version: str
    logprobs: _containers.RepeatedScalarFieldContainer[float]
    bits_per_byte: float
    prompt_tokens: int
    def __init__(self, model_version: _Optional[str] = ..., logprobs: _Optional[_Iterable[float]] = ..., bits_per_byte: _Optional[float] = ..., prompt_tokens: _Optional[int] = ...) -> None: ...
