
req_01K9ZZZZZZZZZZZZZZZZZZZZZ101K9ZZZZZZZZZZZZZZZZZZZZZN	 À¤é§ ‘*9
org_1"key_12adaBaJ
featurechatbchat.completions2small:mockBeuJflexPZMISS`hÈrprovider_cutz
 (‚

searchˆ˜¢
2026-11-01¨€½‚°è¸ ÷6ÀÀ©ÈĞ€ ¬§ ‘Ú 
key:month:key_1€À¹ÎÒÏ€³ÿÄÚ
balance:lifetime:€³ÿÄ