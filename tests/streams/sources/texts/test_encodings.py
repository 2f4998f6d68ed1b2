"""Files that are not UTF-8: decoded where it is certain in which encoding they are, and counted where it is not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.sources.texts.encodings import SAMPLE_BYTES, legacy
from streams.sources.texts.text import BINARY, LFS_POINTER, UNKNOWN, LeftOut, text_of

SENTENCES = {
    "chinese": "这个函数计算两个数字的总和，并返回结果。如果参数不是数字，就会引发错误。",
    "traditional": "這個函數計算兩個數字的總和，並返回結果。如果參數不是數字，就會引發錯誤。",
    "japanese": "この関数は二つの数値の合計を計算して返します。引数が数値でない場合はエラーになります。",
    "korean": "이 함수는 두 숫자의 합을 계산하여 반환합니다. 인자가 숫자가 아니면 오류가 발생합니다.",
    "russian": "Эта функция вычисляет сумму двух чисел и возвращает результат вызывающему коду.",
    "french": "Cette méthode calcule la somme des éléments déjà chargés, et ne gère pas les erreurs.",
    "german": "Diese Funktion prüft die Größe der übergebenen Schlüssel, wenn sie nötig ist.",
    "spanish": "Esta función calcula la suma de los números y no valida el tamaño de la petición.",
    "polish": "Funkcja oblicza sumę wszystkich liczb i zwraca wynik, jeśli nie jest pusta; może być żądana.",
    "czech": "Funkce vrací součet všech čísel; pokud není žádné, je výsledek nula a řetězec se nezmění.",
}
PAGES = [
    ("chinese", "gbk"), ("chinese", "gb18030"), ("traditional", "big5"), ("japanese", "shift_jis"),
    ("japanese", "euc_jp"), ("korean", "euc_kr"), ("korean", "cp949"), ("russian", "koi8-r"), ("russian", "cp1251"),
    ("russian", "cp866"), ("russian", "iso8859-5"), ("french", "cp1252"), ("french", "latin-1"), ("german", "cp1252"),
    ("german", "iso8859-2"), ("spanish", "cp1252"), ("polish", "cp1250"), ("polish", "iso8859-2"), ("czech", "cp1250"),
]  # fmt: skip
UNSURE = [
    ("french", "mac_roman"),
    ("french", "cp850"),
    ("german", "cp850"),
    ("german", "mac_roman"),
    ("spanish", "cp850"),
]


def source(comment: str) -> str:
    return f"import os\r\n\n\ndef add(first, second):\n    # {comment}\n    return first + second\n"


@pytest.mark.parametrize(("language", "page"), PAGES)
@pytest.mark.parametrize("times", [1, 40])
def test_a_comment_in_an_old_encoding_is_read_rightly(language: str, page: str, times: int) -> None:
    text = source(SENTENCES[language]) * times
    assert text_of(text.encode(page)) == text


@pytest.mark.parametrize("mark", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("language", SENTENCES)
def test_a_byte_order_mark_is_believed(language: str, mark: str) -> None:
    text = source(SENTENCES[language])
    assert text_of(text.encode(mark)) == text
    if mark != "utf-8-sig":
        big = b"\xfe\xff" if mark == "utf-16" else b"\x00\x00\xfe\xff"
        assert text_of(big + text.encode(mark + "-be")) == text


@pytest.mark.parametrize(("language", "page"), UNSURE)
def test_what_is_not_certain_is_counted(language: str, page: str) -> None:
    assert text_of(source(SENTENCES[language]).encode(page)) == UNKNOWN


@pytest.mark.parametrize(
    "value",
    [
        b"\xe9", b"\xff", b"caf\xc3\xa9 caf\xc3\xa9 \xe9", b"\x01\x02\xe9", "Νέα συνάρτηση για αρχεία".encode("cp1253"),
        "פונקציה חדשה עם קובץ".encode("cp1255"), "Değişken sayısı doğru değil".encode("cp1254"), b"\xff\xfe\xd8\xd8",
        "ฟังก์ชันใหม่ของไฟล์".encode("cp874"), bytes(range(128, 256)), "Nėra rašto, kuris būtų".encode("cp1257"),
        "Nuñez".encode("latin-1"),
    ],
)  # fmt: skip
def test_other_bytes_are_of_an_unknown_encoding(value: bytes) -> None:
    assert text_of(value) == UNKNOWN


@pytest.mark.parametrize(
    "text", ["# Copyright © 2012 Jürgen Groß\n", "# by François Élan\n", "# it’s “quoted” – so\n", "x = 5 # 20 °C\n"]
)
def test_names_and_signs_of_an_english_file_are_read(text: str) -> None:
    assert text_of(text.encode("cp1252")) == text


def test_pointers_of_git_lfs_and_binary_files_are_named() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
    assert text_of(pointer) == LFS_POINTER
    assert text_of(pointer + b"x" * 1024) != LFS_POINTER
    assert text_of(b"\0") == text_of(b"\xff\xfe\0") == text_of(b"\xff\xfea\0\0\0") == BINARY


@given(st.binary(max_size=400))
def test_any_bytes_have_one_outcome(value: bytes) -> None:
    found = text_of(value)
    assert found == text_of(value)
    if isinstance(found, str):
        found.encode("utf-8")
        assert "\0" not in found or b"\0" in value
    else:
        assert isinstance(found, LeftOut)


@pytest.mark.parametrize(
    "value",
    [
        b"\xe9a" * (1 << 19),
        b"a" * ((1 << 20) - 1) + b"\xe9",
        b"a" * (1 << 19) + b"\n\xe9" * 9,
        b'"\x93 ' * 300_000,
        b"\xb0\xa1" * (1 << 19),
        b"\xff" * (1 << 20),
    ],
)
def test_the_time_is_bounded(value: bytes) -> None:
    """CPU seconds, and many times what it takes: what is not linear takes minutes."""
    started = time.process_time()
    text_of(value)
    assert time.process_time() - started < 10


def test_the_whole_text_is_decoded_though_only_its_beginning_is_looked_at() -> None:
    text = source(SENTENCES["russian"]) * (3 * SAMPLE_BYTES // 200)
    assert legacy(text.encode("koi8-r")) == text
    assert legacy(text.encode("koi8-r") + b"\x00\x9f") is None
