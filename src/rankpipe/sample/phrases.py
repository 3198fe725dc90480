"""Words of the generated reviews: for each aspect of a restaurant what is spoken of, and what is said of it.

Everyday words, in English and Korean; no list here was drawn up from the lexicons that features may read.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Aspect:
    """``{}`` in a subject stands for the dish of the house."""

    subjects: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    plain: tuple[str, ...]


@dataclass(frozen=True)
class Language:
    """Sentences are subject, adverb and adjective put into a frame; adverbs stand from warm to cool."""

    aspects: dict[str, Aspect]
    dishes: tuple[str, ...]
    adverbs: tuple[str, ...]
    frames: tuple[str, ...]
    closers: tuple[tuple[str, ...], ...]
    """Last words for one star, two, … five."""


ENGLISH = Language(
    aspects={
        "taste": Aspect(("{}", "food", "flavor"), ("delicious", "tasty", "excellent"), ("bland", "awful", "tasteless"),
                        ("okay", "average")),
        "saltiness": Aspect(("seasoning", "salt", "{} sauce"), ("balanced", "subtle"),
                            ("salty", "oversalted"), ("mild", "normal")),
        "spiciness": Aspect(("spice level", "chili", "heat"), ("flavorful", "zesty"),
                            ("fiery", "overpowering"), ("mild", "medium")),
        "sweetness": Aspect(("dessert", "sweetness", "syrup"), ("lovely", "balanced"),
                            ("cloying", "sugary"), ("sweet", "normal")),
        "greasiness": Aspect(("frying", "crust", "{} base"), ("crisp", "crispy"),
                             ("greasy", "oily"), ("golden", "normal")),
        "lightness": Aspect(("meal", "broth", "{} plate"), ("light", "refreshing"), ("heavy", "stodgy"),
                            ("filling", "normal")),
        "savouriness": Aspect(("gravy", "stock", "aftertaste"), ("savory", "rich"), ("flat", "watery"),
                              ("simple", "normal")),
        "freshness": Aspect(("fish", "produce", "bread"), ("fresh", "crunchy"), ("stale", "wilted"),
                            ("fine", "ordinary")),
        "portion": Aspect(("portion", "serving", "plate"), ("generous", "huge"), ("tiny", "stingy"),
                          ("average", "regular")),
        "service": Aspect(("service", "waiter", "staff"), ("friendly", "attentive"), ("rude", "careless"),
                          ("okay", "standard")),
        "price": Aspect(("price", "bill", "{} price"), ("reasonable", "cheap"), ("overpriced", "expensive"),
                        ("fair", "normal")),
        "cleanliness": Aspect(("table", "restroom", "floor"), ("spotless", "clean"), ("dirty", "sticky"),
                              ("acceptable", "ordinary")),
        "noise": Aspect(("room", "music", "noise level"), ("quiet", "peaceful"), ("loud", "noisy"),
                        ("normal", "bearable")),
        "ambience": Aspect(("atmosphere", "decor", "mood"), ("cozy", "charming"), ("gloomy", "tacky"),
                           ("plain", "ordinary")),
        "space": Aspect(("seating", "dining area", "layout"), ("spacious", "roomy"), ("cramped", "crowded"),
                        ("average", "compact")),
        "parking": Aspect(("parking", "parking lot", "street parking"), ("easy", "convenient"),
                          ("impossible", "terrible"), ("limited", "possible")),
        "waiting": Aspect(("wait", "line", "waiting time"), ("short", "quick"), ("endless", "long"),
                          ("average", "tolerable")),
    },
    dishes=("ramen", "sushi", "pizza", "burger", "taco", "latte", "salad", "barbecue"),
    adverbs=("so", "really", "very", "quite", "rather", "somewhat"),
    frames=("The {subject} was {adverb} {adjective}.", "{Subject} {adverb} {adjective}.",
            "{Subject}: {adverb} {adjective}."),
    closers=(("Never again.", "Avoid."), ("Expected more.", "Disappointing."), ("It was okay.", "Nothing special."),
             ("Good place.", "Would return."), ("Will be back!", "Highly recommended!")),
)

KOREAN = Language(
    aspects={
        "taste": Aspect(("{}", "음식", "맛"), ("맛있어요", "훌륭해요"), ("맛없어요", "별로예요"),
                        ("무난해요", "평범해요")),
        "saltiness": Aspect(("간", "양념", "국물 간"), ("알맞아요", "적당해요"), ("짜요", "짭니다"),
                            ("심심해요", "보통이에요")),
        "spiciness": Aspect(("매운맛", "고추", "양념"), ("매콤해요", "얼큰해요"), ("매워요", "자극적이에요"),
                            ("순해요", "보통이에요")),
        "sweetness": Aspect(("디저트", "단맛", "시럽"), ("향긋해요", "달콤해요"), ("달아요", "물려요"),
                            ("은은해요", "보통이에요")),
        "greasiness": Aspect(("튀김", "기름", "부침"), ("바삭해요", "가벼워요"), ("느끼해요", "기름져요"),
                             ("무난해요", "보통이에요")),
        "lightness": Aspect(("식사", "국물", "한 끼"), ("담백해요", "깔끔해요"), ("부담스러워요", "무거워요"),
                            ("든든해요", "보통이에요")),
        "savouriness": Aspect(("육수", "국물", "뒷맛"), ("고소해요", "진해요"), ("밍밍해요", "싱거워요"),
                              ("단순해요", "보통이에요")),
        "freshness": Aspect(("생선", "재료", "채소"), ("신선해요", "싱싱해요"), ("시들었어요", "상했어요"),
                            ("괜찮아요", "보통이에요")),
        "portion": Aspect(("양", "한 접시", "곱빼기"), ("푸짐해요", "많아요"), ("적어요", "모자라요"),
                          ("적당해요", "보통이에요")),
        "service": Aspect(("서비스", "직원", "사장님"), ("친절해요", "세심해요"), ("불친절해요", "무뚝뚝해요"),
                          ("무난해요", "보통이에요")),
        "price": Aspect(("가격", "가성비", "값"), ("저렴해요", "착해요"), ("비싸요", "부담돼요"),
                        ("예상대로예요", "보통이에요")),
        "cleanliness": Aspect(("테이블", "화장실", "매장"), ("깨끗해요", "청결해요"), ("더러워요", "끈적해요"),
                              ("괜찮아요", "보통이에요")),
        "noise": Aspect(("매장", "음악", "소리"), ("조용해요", "차분해요"), ("시끄러워요", "정신없어요"),
                        ("견딜만해요", "보통이에요")),
        "ambience": Aspect(("분위기", "인테리어", "조명"), ("아늑해요", "예뻐요"), ("칙칙해요", "촌스러워요"),
                           ("수수해요", "보통이에요")),
        "space": Aspect(("자리", "공간", "좌석"), ("넓어요", "여유로워요"), ("좁아요", "붐벼요"),
                        ("아담해요", "보통이에요")),
        "parking": Aspect(("주차", "주차장", "주차 공간"), ("편해요", "넉넉해요"), ("힘들어요", "불편해요"),
                          ("가능해요", "보통이에요")),
        "waiting": Aspect(("대기", "줄", "기다리는 시간"), ("짧아요", "금방이에요"), ("길어요", "지루해요"),
                          ("있어요", "보통이에요")),
    },
    dishes=("라멘", "초밥", "피자", "버거", "타코", "라떼", "샐러드", "고기"),
    adverbs=("정말", "진짜", "아주", "꽤", "좀", "약간"),
    frames=("{subject} {adverb} {adjective}.", "{adverb} {adjective}, {subject}.",
            "오늘은 {subject} {adverb} {adjective}."),
    closers=(("다신 안 가요.", "비추예요."), ("기대 이하예요.", "아쉬워요."), ("그저 그래요.", "특별하진 않아요."),
             ("좋은 곳이에요.", "또 갈 만해요."), ("꼭 다시 갈게요!", "강력 추천해요!")),
)

ASPECTS = tuple(ENGLISH.aspects)
LANGUAGES = (ENGLISH, KOREAN)
