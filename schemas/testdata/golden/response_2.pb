
req_01K9ZZZZZZZZZZZZZZZZZZZZZ101K9ZZZZZZZZZZZZZZZZZZZZZN	 À¤é§ ‘*org_12key_1:chat.completionsBsmallJmockPöZprovider_cutb&The provider's answer ended too early.jproviderrstopx ÷6€À©ˆ€ šF
mocksmallÈ"provider_cut*
 (0€½‚8À©@ ÷6J
chatcmpl-1P