"""How the languages of older encodings look: their frequent characters, letters and small words. Data alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LatinLanguage:
    """A language whose letters are ASCII's and a few others."""

    name: str
    letters: frozenset[str]
    """Beyond ASCII, in both cases."""
    words: frozenset[str]
    """Frequent small words, without those that code or English has too."""


def _language(name: str, letters: str, words: str) -> LatinLanguage:
    return LatinLanguage(name, frozenset(letters + letters.upper()) - {"S"}, frozenset(words.split()))


CHINESE = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所"
    "民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天四日"
    "那事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质第向道此变条只没结解问意建月公无系很情者最立代想已通并提"
    "直题程展果料象员位入常文总次品式活设及管特件长求头基资边流路级少图统接知较将组见计别手期根运指几区放被做必先回则任取据处"
    "非值参数字符串类型返回函数默认获取列表输入输出调用创建名称置存储删除添加查找循环判断错误信息示例请注释码"
    "這個國時來們對會發動過說產種後學經進著電裡體實現機當點從業應開還與關線內數間樣無變條結問題員設級圖統計論運區將組見長則處"
    "為傳參數類型預設獲取輸入輸出調建稱刪添環斷錯誤訊範請註釋碼檔"
)
"""The characters that make up about half of running text, simplified and traditional, and those of comments."""

KOREAN = frozenset(
    "이다는에의을가고를하한지로은기사서도인과자정시어대아리해일전나보수부게여상적있들그만모주성원동제공유관장안비화국용면선할경"
    "니합습까것때된되와며함값변파문열반환설호출생결입력데터없않음"
)
"""The syllables that make up about half of running text, and those of comments."""

CYRILLIC = {
    "о": 0.1097, "е": 0.0845, "а": 0.0801, "и": 0.0735, "н": 0.0670, "т": 0.0626, "с": 0.0547, "р": 0.0473,
    "в": 0.0454, "л": 0.0440, "к": 0.0349, "м": 0.0321, "д": 0.0298, "п": 0.0281, "у": 0.0262, "я": 0.0201,
    "ы": 0.0190, "ь": 0.0174, "г": 0.0170, "з": 0.0165, "б": 0.0159, "ч": 0.0144, "й": 0.0121, "х": 0.0097,
    "ж": 0.0094, "ш": 0.0073, "ю": 0.0064, "ц": 0.0048, "щ": 0.0036, "э": 0.0032, "ф": 0.0026, "ъ": 0.0010,
    "ё": 0.0010, "і": 0.0100, "ї": 0.0050, "є": 0.0030, "ґ": 0.0003,
}  # fmt: skip
"""Letters of Russian with their frequencies (Russian National Corpus), and Ukrainian's own."""

NEUTRAL = frozenset("©®°«»·§±µ¶¬\xa0\xad–—‘’“”…•™№„‚‹›€")
"""Signs that stand in texts of any script."""
SAFE = frozenset("äöüßéÄÖÜÉ")
"""Letters that stand at the same place on every Latin code page of Windows and ISO 8859."""
SHARED = SAFE | frozenset("áâçëíîóôúÁÂÇËÍÎÓÔÚ")
"""Letters that Western, Central European and Turkish pages have at the same place."""

WEST = (
    _language(
        "french", "àâçéèêëîïôùûüœæ", "le la les des une est pour dans que qui sur pas avec par du cette sont aux"
    ),
    _language("german", "äöüß", "der die das und nicht ist für mit ein eine wird auf den von zu werden wenn dem sind"),
    _language("spanish", "áéíóúñü", "el los las para con que una del se por como esta es en si desde cuando"),
    _language("portuguese", "áâãàçéêíóôõú", "os as para com que uma não por da em dos um se quando ou ao"),
    _language("italian", "àèéìòù", "il lo gli per con che una non del della di sono viene nel dei"),
    _language("swedish", "åäöé", "och att det som är för med inte på av till ett från"),
    _language("danish", "æøåé", "og at det som er for med ikke på af til et fra"),
    _language("finnish", "äöå", "ja ei se että kun tai joka jos ole"),
)
EAST = (
    _language("polish", "ąćęłńóśźż", "nie jest się na dla że jak przez lub oraz czy jeśli od po tym aby do"),
    _language("czech", "áčďéěíňóřšťúůýžľĺŕôä", "je na se pro že jako pokud není nebo při tak jen ale po aby"),
    _language("hungarian", "áéíóöőúüű", "az egy és nem hogy van ha csak ez meg vagy mint"),
    _language("croatian", "čćđšž", "je na se za od ako ili su kao koji što ne da"),
    _language("romanian", "ăâîşţ", "şi de la nu pe în cu pentru este sau din care"),
)
