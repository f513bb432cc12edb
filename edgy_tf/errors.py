"""The one family of errors a person may meet: each message is a single line that says what to do."""


class EdgyError(Exception):
    """Base of every expected failure; the command line prints it and exits with 2."""


class AudioError(EdgyError):
    """A sound file or array that cannot be used."""


class CorpusError(EdgyError):
    """A folder of speech that is missing, empty or unusable."""


class PresetError(EdgyError):
    """A preset or recipe file with a wrong name, type or value."""


class WireError(EdgyError):
    """Bytes that are not a valid ``.edgy`` stream.

    Attributes:
        offset: position, in bytes from the start of the stream, of what is wrong.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at byte {offset})")
        self.offset = offset


class CodebookMismatchError(EdgyError):
    """Codes of one codebook met a decoder, encoder or stream of another."""


class ModelError(EdgyError):
    """A model, checkpoint or release file that is missing, damaged or of the wrong kind."""


class MissingDependencyError(EdgyError):
    """An optional package is needed for what was asked; the message names the extra to install."""


class SettingsError(EdgyError):
    """Settings of the edge node that are wrong, or that forbid what was asked."""


class SourceError(EdgyError):
    """A source of sound that fell silent: unplugged, closed or not there yet; it may come back."""


class StorageError(EdgyError):
    """The disk of the edge node refuses what must be kept."""


class UplinkError(EdgyError):
    """A stream did not get through; try again later."""


class RejectedError(UplinkError):
    """The cloud will never take this stream; do not try again."""
