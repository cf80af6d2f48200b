"""The page of what runs natively says what the rows say."""

from tests.native import primitives


def test_the_page_of_primitives_is_up_to_date() -> None:
    assert primitives.PAGE.read_text(encoding="utf-8") == primitives.page()


def test_the_page_names_every_primitive() -> None:
    text = primitives.PAGE.read_text(encoding="utf-8")
    assert all(f"`{row.name}`" in text for row in primitives.PRIMITIVES)
