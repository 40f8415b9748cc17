
req_01K9ZZZZZZZZZZZZZZZZZZZZZ101K9ZZZZZZZZZZZZZZZZZZZZZN Ä†¨ß†çë*ã
org_1webgrp_1"key_1*mem_12ada:trace-1BaBbJ
featurechatRhttps://example.orgZExamplebchat.completionsj
mock/smallrcheapx2
budget_1Ä¿˝Øˇãë¿ñ±8¡