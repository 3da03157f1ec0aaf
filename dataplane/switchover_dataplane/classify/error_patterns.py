"""The words that error messages of one class share: a thing and what is wrong with it, in one sentence.

The sentences differ by server and change often; the words in them rarely do. So a class has a few pairs of word lists
and no list of sentences. `tests/corpus/` holds the sentences of the tests, and `error_words.py` uses the patterns.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Final

from switchover_dataplane.failover.outcome import ErrorClass


@dataclass(frozen=True, slots=True)
class Pattern:
    """Words that together, in one sentence, mean one error class.

    All of `pieces` must match, and `never` must not. `statuses` are the statuses that it applies to; empty means all.
    With `any_speaker` it also applies to sentences that may quote the caller, as its class cools nothing down.
    """

    error_class: ErrorClass
    pieces: tuple[re.Pattern[str], ...]
    never: re.Pattern[str] | None = None
    statuses: frozenset[int] = frozenset()
    any_speaker: bool = False


def _words(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words))


# ── A prompt that is too long ───────────────────────────────────────────────────────────────────────────────────────

_EXCESS: Final = _words(
    r"exceed|surpass|too (?:long|large|big|many)|overlong|\bpast\b|largest|longer|larger|greater|bigger",
    r"more (?:\w+ )?than|beyond|overflow|\bfull\b|maximum|\bmax\b|max_|limit|at most|less than|reached|<=",
    r"\bfits?\b|shorten|reduce|\bover\b|[0-9)] ?>=? |should be (?:in )?\[|only supports|out of range|up to",
    r"\bbut (?:the|this|only|your|it|[0-9])|超|过长",
)
_CONTEXT: Final = _words(
    r"\bcontext(?:[ _-]?(?:length|window|size|limit|len|budget|tokens?|overflow)| exceeded| is| too| of [0-9]+)\b",
    r"[0-9]k? (?:token )?context\b|exceeds? context|\bctx\b|\bn_ctx\b|\bwindow of (?:this|the) model|max_model_len",
    r"max_seq_len|maximum (?:model|sequence) length|上下文",
)
_INPUT: Final = _words(
    r"\b(?:prompts?|inputs?|messages?|conversation|history|chat|transcript|sequence)(?:\b|_)|输入",
)
_INPUT_OR_REQUEST: Final = _words(_INPUT.pattern, r"\b(?:requests?|requested|text|content|query|documents?)\b")
_TOKENS: Final = _words("token|character|字符")
_LENGTH: Final = _words(r"length|\blong|\blarge|\bbig\b|size|长")
_LONG_CONTEXT: Final = _words(r"\blong[ -]context")
_NOT_INCLUDED: Final = _words(r"requir|not (?:yet )?(?:available|enabled|included|supported)|need|upgrade")
_NO_CONTEXT: Final = _words(
    r"per[ -](?:minute|min|day|hour|second|sec|month)|\b[tr]p[mds]\b|rate[ _-]limit|quota|balance|credits?\b",
    r"afford|\bremain|input should be |budget_tokens",
    r"\b(?:images?|files?|audio|video|attachments?|pdf|bytes|[kmg]i?b|megabytes|headers?|uri|url|metadata"
    r"|names?)\b",
    r"\b(?:string|array|field|property|schema|description|stop|items?|elements?|entity|payload|tools?"
    r"|functions?)\b",
)
"""Limits over time and of money, fields and files."""

_OUTPUT: Final = _words(
    r"max_(?:completion_|output_|new_)?tokens|(?:completion|output) tokens|max(?:imum)? (?:output|tokens)",
)
_OF_ANOTHER_LIMIT: Final = _words(
    r"per[ -](?:minute|min|day)|rate[ _-]limit|(?:unknown|unsupported) param",
    r"^['\"`]*max_(?:completion_|output_|new_)?tokens\W+(?:must|cannot|should|has to)",
)

_OF_TOKENS: Final = _words(
    r"^(?:tokens|characters) too long|token limit (?:exceeded|reached)|exceeds? (?:the )?token limit",
    "expected maxlength:",
)

# ── Content that is not allowed ─────────────────────────────────────────────────────────────────────────────────────

_UNWANTED: Final = _words(
    r"\bsafety\b|safe use|safety_|\bmoderat|usage (?:polic|guideline)|(?:acceptable|allowed) use|responsible ?ai",
    r"content[ _-](?:polic|filter|moderation|management|safety|security|violation|guideline)|guardrail",
    r"community guidelines|data ?inspection|risk ?detection|terms of (?:use|service)|内容安全|敏感|违规|风控",
)
_VERDICT: Final = _words(
    r"block|reject|refus|filter|flag|violat|contain|detect|trigger|not (?:allowed|permitted|comply)|declin|prevent",
    r"fail|against|due to|requires|含|检测|涉|违",
)
_BAD_CONTENT: Final = _words(
    r"(?:\b|_)(?:sensitive|inappropriate|unsafe|harmful|nsfw|offensive|illegal|objectionable|prohibited"
    r"|disallowed)\b",
    r"\bunlawful\b|\bexplicit\b|\brisk\b|\b(?:sexual|violen(?:t|ce)|hate(?:ful)?|self-harm|pornograph\w*|abusive|toxic)\b",
)
_CONTENT: Final = _words(
    r"\b(?:contents?|prompts?|inputs?|outputs?|text|images?|messages?|material|words|information|language"
    r"|request)\b",
)
_STOPPED: Final = _words(
    r"\b(?:prompt|input|content|output|response|completion|message)s? (?:is |was |were |has been |have been "
    r"|is being )?(?:being )?(?:block|flagg|filter|moderat|censor)",
    r"\bunsafe\b",
)

# ── No credit, no quota ─────────────────────────────────────────────────────────────────────────────────────────────

_MONEY: Final = _words(
    r"\bbalance\b|\bcredits?\b|\btop[ -]?up|\btrial\b|\bspend(?:ing)?\b|\bfunds?\b|billing(?! details| cycle)",
    r"\bpayment|prepaid|\bwallet|(?<!thinking )\bbudget(?!_| tokens)|\binvoice|spend(?:ing)?[ -](?:limit|cap)",
    r"cost[ -](?:limit|cap)|subscription|paid plan|余额|充值|套餐|额度",
)
_LACK: Final = _words(
    r"insufficient|not (?:enough|sufficient|active)|(?:not|n't) have|too low|\blow\b|exhaust|deplet|r[ua]n out",
    r"\bempty\b|\bout of\b|used up|exceed|reached|\bhit\b|negative|inactive|expired|unpaid|declined|require|need",
    r"\bzero\b|lack|past due|\bended\b|disabled|suspended|不足|用尽|用完|到期|耗尽",
)
_NO_MONEY: Final = _words(
    r"insufficient (?:\w+ )?(?:quota|balance|credit|fund)|\bno (?:\w+ )?(?:quota|credits?|balance|funds)\b|arrear",
    r"overdue|exceeded current quota|quota exhausted|in good standing|hard limit reached|payment required",
    r"can only afford",
    r"(?:used (?:up|all)|exhausted|consumed|spent) .{0,40}\b(?:tokens|requests|credits|quota|allocation|calls"
    r"|allowance)\b",
    r"余额不足|欠费|额度已用|额度不足",
)
_ALLOWANCE: Final = _words(
    r"\b(?:usage|consumption|weekly|monthly|daily|hourly|yearly|[0-9]{1,3}[ -]?h(?:ou)?rs?|session|plan|premium"
    r"|free|trial|spend\w*|cost)\b.{0,60}\b(?:limit|quota|cap|allocation|allowance|allotment|requests|credits"
    r"|usage)",
    r"\b(?:limit|quota|cap|allocation|allowance)s?\b.{0,40}\b(?:for the|for this|this|per|of the|a|/) ?(?:day"
    r"|week|month|year|billing|cycle|period)",
    r"\b(?:calls|requests|tokens|messages) ?(?:/|per|a|each) ?(?:day|week|month)\b",
    r"(?:hit|reached|exceeded) your (?:\w+ )?(?:usage )?limit|\bextra usage\b",
    r"(?:今日|每日|每天|每周|每月|使用|调用次数|免费).{0,20}(?:上限|限额|额度|次数)",
)
_USED_UP: Final = _words(
    r"reach|exceed|\bhit\b|exhaust|used (?:up|all)|\bover\b|deplet|r[ua]n out|\bout of\b|limited to",
    r"no (?:more|remaining)|consumed|达到|已达|用完|用尽|超",
)
_OF_A_RATE: Final = _words(
    r"rate[ _-]?limit|per[ -](?:minute|min|second|sec)\b|/ ?(?:min|s)\b|\b[rt]pm\b|\bqps\b|concurren",
)
_QUOTA: Final = _words(r"quota (?:\w+ ){0,2}exceeded|exceeded (?:\w+ ){0,3}quota")

# ── Rate limits and load ────────────────────────────────────────────────────────────────────────────────────────────

_RATE: Final = _words(
    r"rate[ _-]?limit|rate[ _-]?quota|too many (?:\w+ )?(?:requests|connections|calls)|throttl",
    r"slow(?:ing)? (?:it )?down",
    r"(?:requests?|tokens?|calls?|queries) ?(?:/|per|a|each) ?(?:second|sec|minute|min|hour)\b|\b[rt]p[ms]\b",
    r"\bqps\b|too (?:fast|quick|frequent)|high[ -]frequency|request frequency|(?:faster|more often) than",
    r"increased too|\bburst\b|concurren\w* (?:\w+ )?(?:limit|request|exceed|quota)|max(?:imum)? concurren",
    r"(?:request|call|token) (?:\w+ )?limit|request rate|(?:reduce|lower) (?:your|the) (?:\w+ )?(?:rate|frequency)",
    r"in (?:the last|a|one) (?:second|minute|hour)\b",
    r"(?:parallel|simultaneous|concurrent) (?:requests|calls|connections|sessions|streams|generations)",
    r"频繁|频率|并发|限流",
    r"速率|请求过多",
)
_LOAD: Final = _words(
    r"overload|(?:at|over|out of|no|insufficient|enough|exceeded|limited|full|tier|model|server) (?:\w+ )?capacity",
    r"\bcapacity\b.{0,30}(?:exceed|exhaust|unavailable|reached|insufficient|full)|\bbusy\b|overwhelm|\bdegraded\b",
    r"(?:high|heavy|too much|peak|increased) (?:\w+ )?(?:demand|load|traffic|volume)|no healthy upstream",
    r"temporarily (?:unavailable|unable|overloaded|down)|unavailable.{0,20}try again",
    r"queue (?:is |was )?(?:full|too long)",
    r"(?:model|server).{0,80}\b(?:is (?:currently |still )?loading|is cold|not ready|warming up)",
    r"no (?:available|healthy|live) (?:\w+ )?(?:server|worker|instance|backend|upstream|replica|executor"
    r"|provider)s?\b",
    r"\boccupied\b|no more .{0,40}\bcapacity",
    r"no (?:free|idle|spare) (?:\w+ )?(?:slot|gpu|worker|instance|server|node)s?\b|queue .{0,40}\bfull\b",
    r"繁忙|访问量过大",
    r"过载|负载|稍后(?:再试|重试)|无可用渠道",
)
_NOT_OF_LOAD: Final = _words(r"context|resource is temporarily blocked")

# ── A model that does not exist ─────────────────────────────────────────────────────────────────────────────────────

_A_MODEL: Final = r"\b(?:models?|deployment|engine)\b(?![.\[])"
_NO_PART_OF_IT: Final = r"(?! (?:output|response|parameter|config|settings?|input|type|kind|field|feature))"
_THE: Final = (
    r"(?:(?:the|this|that|a|any|your|requested|selected|specified|private|following|given|non-serverless|such) )*"
)
_GONE: Final = (
    r"(?:not (?:\w+ )?(?:found|exist|available|offered|served|open|opened|activated|deployed|installed|enabled"
    r"|recognized|loaded|running|active|online|provisioned)"
    r"|n't (?:exist|found|available|deployed)|no longer|unavailable|deprecated|decommission|retired|discontinued"
    r"|removed"
    r"|sunset|shut ?down|\boffline|is unknown|is invalid|not a valid model|isn't supported|not supported *$"
    r"|is not supported(?:,| (?:in|when|on|by|for (?:this|your) (?:account|plan|organization|region|key|project))))"
)
_MODEL_GONE: Final = _words(
    rf"{_A_MODEL}{_NO_PART_OF_IT}\S*(?: \S+){{0,8}}? \S{{0,8}}?{_GONE}",
    r"\b(?:unknown|invalid|unsupported|no such|unrecognized|nonexistent|non-existent|undefined|wrong) (?:\w+ )?"
    rf"{_A_MODEL}{_NO_PART_OF_IT}",
    r"(?:(?:not|n't) have (?:access|permission)|no (?:access|permission)|not (?:allowed|permitted|authorized|entitled)"
    rf"|unable|fail(?:ed|s)?) to (?:(?:use|access|call|invoke|find|load) )?{_THE}models?\b",
    rf"(?:(?:may|can|must|could) ?not|can't|couldn't) (?:use|access|call|invoke|find|load) {_THE}models?\b",
    rf"(?:has|have)(?: not|n't) (?:activated|enabled|agreed to) {_THE}models?\b",
    r"no (?:available |healthy |allowed |active )?(?:channel|endpoint|provider|deployment|distributor)s?\b"
    r".{0,40}\b(?:found for|for|serving|available for)\b",
    r"^[\w.:/-]{3,64} (?:has been|was|is) (?:discontinued|deprecated|retired|decommissioned|removed|no longer)",
    r"no model (?:named|called|with)|endpoint or model|closed endpoint|end[- ]of[- ](?:its )?life|model not exist",
    r"模型.{0,20}(?:不存在|下线|未开通|不可用)|权限.{0,10}模型",
)
_NOT_THE_MODEL: Final = _words(
    r"\bsupports?\b|matching|data polic|capabilit|modalit|\bparameter|\bcrossed budget|\bfeature|\bmode\b",
    r"\btools?\b|stream|\bimages?\b|vision|audio|schema|logprobs|temperature|function call|prefill",
    r"system (?:prompt|message)",
)
"""A sentence about a feature that a model lacks is about the request."""

# ── A key that is refused ───────────────────────────────────────────────────────────────────────────────────────────

_KEY: Final = _words(
    r"api[ _-]?keys?\b|^key\b",
    r"\b(?:access|secret|subscription|license|master|virtual|admin|service|provider|team|user|your|provided"
    r"|incorrect|invalid|missing|wrong|this) key\b",
    r"api_key|\b(?:access|auth|authentication|api|bearer|id|security|session|oauth|server) ?tokens?\b",
    r"^invalid token\.?$|credential|authenti|authoriz|\bsignature\b|\bjwt\b|身份验证|鉴权|令牌|密钥",
)
_BAD_KEY: Final = _words(
    r"invalid|incorrect|expired|revoked|disabled|deactivated|missing|wrong|malformed|fail|unauthori|unable",
    r"required|reject",
    r"not (?:\w+ )?(?:valid|found|provided|recognized|authorized|set|exist|supplied|active|verified)|suspend|block",
    r"bann|terminat|denied|deleted|removed|rotated|no (?:\w+ )?(?:key|credentials?|token)|n't provide|illegal",
    r"leaked|无效|过期|失败|非法|错误",
)
_NO_KEY: Final = _words(
    r"^(?:[0-9]{3} )?unauthori[sz]ed$|idempoten|primary key|(?<!api )\bkey (?:name|value|in|of)\b|json|property",
    r"header key|unexpected key",
)
_ACCOUNT: Final = _words(
    r"\b(?:account|organization|workspace|project|user|tenant|subscription|license|consumer"
    r"|api_key)\b.{0,60}(?:deactivat|suspend|terminat|disabled|locked|banned|inactive|not active|blocked"
    r"|restricted|deleted|frozen)",
    r"access (?:has been )?(?:terminated|revoked|suspended)",
    r"(?:country|region|territory|location).{0,60}not supported",
    r"not (?:available|supported) in your (?:country|region|location)",
    r"\bip .{0,60}(?:not (?:authorized|allowed)|block|(?:allow|white)[ -]?list)",
    r"must be a member of an organization|has been suspended|账(?:户|号).{0,20}(?:锁定|封|非活动|不存在|异常)",
)

# ── The patterns ────────────────────────────────────────────────────────────────────────────────────────────────────

_E = ErrorClass
_REQUEST_REFUSED: Final = frozenset({0, 400, 403, 406, 413, 422, 446, 451})
_TOO_LONG: Final = _REQUEST_REFUSED | {500, 502}
_KEY_REFUSED: Final = frozenset({0, 400, 401, 403})
_NO_LIMIT: Final = frozenset({0, *range(400, 600)}) - {429}

_filter = partial(Pattern, _E.CONTENT_FILTER, statuses=_REQUEST_REFUSED, any_speaker=True)
_long = partial(Pattern, _E.CONTEXT_LENGTH, statuses=_TOO_LONG, any_speaker=True)

PATTERNS: Final[tuple[Pattern, ...]] = (
    _filter((_UNWANTED, _VERDICT), never=_words("data polic|privacy")),
    _filter((_BAD_CONTENT, _CONTENT)),
    _filter((_STOPPED,)),
    _long((_CONTEXT, _EXCESS), never=_OF_ANOTHER_LIMIT),
    _long((_INPUT, _TOKENS, _EXCESS), never=_NO_CONTEXT),
    _long((_INPUT_OR_REQUEST, _TOKENS, _EXCESS), never=_words(_NO_CONTEXT.pattern, _OUTPUT.pattern)),
    _long((_INPUT, _LENGTH, _EXCESS), never=_NO_CONTEXT),
    _long((_OF_TOKENS,)),
    _long((_LONG_CONTEXT, _NOT_INCLUDED), statuses=_TOO_LONG | {429}),
    Pattern(_E.QUOTA_EXHAUSTED, (_NO_MONEY,), never=_OF_A_RATE),
    Pattern(_E.QUOTA_EXHAUSTED, (_MONEY, _LACK), never=_OF_A_RATE),
    Pattern(_E.QUOTA_EXHAUSTED, (_ALLOWANCE, _USED_UP), never=_OF_A_RATE),
    Pattern(_E.MODEL_UNAVAILABLE, (_MODEL_GONE,), never=_NOT_THE_MODEL, statuses=_NO_LIMIT - {503}),
    Pattern(_E.MODEL_UNAVAILABLE, (_words(r"^model: \S+$"),), statuses=frozenset({404})),
    Pattern(_E.OVERLOADED, (_LOAD,), never=_NOT_OF_LOAD),
    Pattern(_E.MODEL_UNAVAILABLE, (_MODEL_GONE,), never=_NOT_THE_MODEL, statuses=frozenset({503})),
    Pattern(_E.RATE_LIMITED, (_RATE,)),
    Pattern(_E.CREDENTIALS, (_KEY, _BAD_KEY), never=_NO_KEY, statuses=_KEY_REFUSED),
    Pattern(_E.CREDENTIALS, (_ACCOUNT,), statuses=_KEY_REFUSED),
    Pattern(_E.QUOTA_EXHAUSTED, (_QUOTA,), statuses=_NO_LIMIT - {0}),
)
"""Tried in order: the request, the account, the model, the load, the key."""
