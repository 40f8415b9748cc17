
req_01K9ZZZZZZZZZZZZZZZZZZZZZ101K9ZZZZZZZZZZZZZZZZZZZZZN	 ¿§Èß†çë*9
org_1"key_12adaBaJ
featurechatbchat.completions2small:mockBeuJflexPZMISS`h»rprovider_cutz
 (Ç

searchàêò¢
2026-11-01®ÄΩûÇ∞Ë∏†˜6¿¿©»–Ä†¨ß†çë