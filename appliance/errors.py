"""The one tree of errors.

    ApplianceError
    ├── ConfigError              a setting is unknown, ill-typed or contradicts another
    ├── RequestError             a caller asked for something that can't be answered as asked
    │   ├── BadArgument          400 bad_argument
    │   ├── NotFound             404 not_found
    │   ├── QueryNotAllowed      400 query_not_allowed
    │   ├── QueryFailed          400 query_failed
    │   ├── QueryTimeout         504 query_timeout
    │   ├── Unauthorized         (access/door.py) 401, Forbidden 403, RateLimited 429
    │   └── BodyError            the body as a whole can't be taken
    └── LogError                 the event log can't do what it was asked
        ├── StorageFull          transient: no room below ``log.min_free_bytes``
        ├── Overloaded           transient: the writer's queue is full
        │   └── TooManyExports   (api/exports.py) as many exports run as may
        ├── LogUnavailable       transient: the log is starting, stopping or being reopened
        ├── LogInUse             another process has the data folder open
        ├── LogDamaged           terminal: the files can't be opened; nothing is deleted
        └── RollupsDamaged       (rollups/merge.py) the rollups contradict themselves: rebuild them

``TransientError`` marks what may succeed when tried again, unchanged, later.
"""

from __future__ import annotations


class ApplianceError(Exception):
    """Something went wrong in the appliance."""

    code: str = "internal"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())

    @property
    def message(self) -> str:
        return str(self.args[0])


class TransientError(ApplianceError):
    """Try again later."""

    retry_after_seconds: int = 1


class ConfigError(ApplianceError):
    """A setting is wrong. Correct the configuration file or the environment variable it names."""

    code = "bad_setting"


class RequestError(ApplianceError):
    """The request can't be answered as it was asked."""

    status: int = 400

    def __init__(self, message: str | None = None, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class BadArgument(RequestError):
    """An argument is wrong. The message names it and says what is allowed."""

    code = "bad_argument"


class NotFound(RequestError):
    """There is no such thing. The message lists what there is."""

    code = "not_found"
    status = 404


class QueryNotAllowed(RequestError):
    """The SQL is not one that only reads what it may. The message names the part."""

    code = "query_not_allowed"


class QueryFailed(RequestError):
    """The SQL could not be carried out. The message says why."""

    code = "query_failed"


class QueryTimeout(RequestError):
    """The SQL took too long. Ask for less, or raise query.timeout_seconds."""

    code = "query_timeout"
    status = 504


class BodyError(RequestError):
    """The body as a whole can't be taken, and nothing of it was stored."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class LogError(ApplianceError):
    """The event log can't do what it was asked."""

    code = "log_error"


class StorageFull(LogError, TransientError):
    """There is too little free space to store events. Make room in the data folder's file system."""

    code = "storage_full"
    retry_after_seconds = 10


class Overloaded(LogError, TransientError):
    """More events are waiting than the appliance will hold. Send again after a moment."""

    code = "overloaded"


class LogUnavailable(LogError, TransientError):
    """The event log is starting, stopping or being reopened. Send again after a moment."""

    code = "unavailable"


class LogInUse(LogError):
    """Another process has this data folder open. Stop it, or name another folder with --data."""

    code = "log_in_use"


class LogDamaged(LogError):
    """The event log can't be opened. Nothing was deleted; restore a backup or set the files aside."""

    code = "log_damaged"
