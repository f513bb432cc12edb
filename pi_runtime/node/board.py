"""What a Raspberry Pi says of its own health, where it does."""

from __future__ import annotations

from pathlib import Path

_TEMPERATURE = "class/thermal/thermal_zone0/temp"
_THROTTLED = "devices/platform/soc/soc:firmware/get_throttled"


def cpu_temperature(sys: Path = Path("/sys")) -> float | None:
    """Degrees Celsius, or None where the machine does not tell."""
    try:
        return int((sys / _TEMPERATURE).read_text()) / 1000
    except (OSError, ValueError):
        return None


def under_voltage(sys: Path = Path("/sys")) -> bool | None:
    """Whether the power supply is too weak right now, or None where the machine does not tell."""
    try:
        return bool(int((sys / _THROTTLED).read_text(), 16) & 1)
    except (OSError, ValueError):
        pass
    for hwmon in sys.glob("class/hwmon/*/name"):
        try:
            if hwmon.read_text().strip() == "rpi_volt":
                return (hwmon.parent / "in0_lcrit_alarm").read_text().strip() == "1"
        except OSError:
            continue
    return None
