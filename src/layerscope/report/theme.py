"""The page's colours, light and dark: one place for its style sheet and its figures."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Theme:
    """Colours of one mode; `first` to `third` tell series apart for colour-blind eyes too."""

    paper: str
    panel: str
    ink: str
    muted: str
    line: str
    accent: str
    wrong: str
    first: str
    second: str
    third: str
    full: str
    """Of a confusion cell that holds its whole row; an empty one has the paper's colour."""

    def css(self) -> str:
        """Give the colours as custom properties of a style sheet."""
        return " ".join(f"--{name}: {colour};" for name, colour in asdict(self).items())


LIGHT = Theme(
    paper="#ffffff",
    panel="#f5f6f8",
    ink="#16191d",
    muted="#57606b",
    line="#d8dce1",
    accent="#155a9c",
    wrong="#a13d00",
    first="#0072b2",
    second="#d55e00",
    third="#007a5a",
    full="#0b3c6d",
)
DARK = Theme(
    paper="#121417",
    panel="#1b1f24",
    ink="#e9ebee",
    muted="#a5aeb9",
    line="#353c45",
    accent="#7fbaf2",
    wrong="#ffae76",
    first="#56b4e9",
    second="#ff9a4d",
    third="#35c29a",
    full="#8cc4f5",
)
