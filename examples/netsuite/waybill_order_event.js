/**
 * Tells Waybill that a sales order (or, deployed there, an item fulfilment) was saved, so that it need not wait for the next poll.
 *
 * Only the record's internal id goes out, never its content; Waybill reads the record itself. A post that fails is logged and not
 * repeated, because the poll finds it anyway. Nothing here can keep anybody from saving.
 *
 * Script parameters (Parameters tab of the script record):
 *   custscript_waybill_url     Free-Form Text  the address of the hook; whoever knows it can send events, so keep it to yourself
 *   custscript_waybill_secret  Free-Form Text  the script id of the API secret that holds the hook's key (custsecret_waybill);
 *                                              empty where the hook has no key
 *   custscript_waybill_user    Integer Number  the internal id of the employee as whom Waybill writes: its own writes are not
 *                                              told, or each would come back as news
 *
 * Setup > Company > API Secrets: allow the secret for this script and for the host of the address.
 *
 * @NApiVersion 2.1
 * @NScriptType UserEventScript
 * @NModuleScope SameAccount
 */
define(['N/crypto', 'N/encode', 'N/https', 'N/runtime'], (crypto, encode, https, runtime) => {
    const TOLD = ['create', 'copy', 'edit', 'xedit', 'approve', 'cancel', 'delete'];

    const parameter = (name) => runtime.getCurrentScript().getParameter({ name: `custscript_waybill_${name}` });

    const isOurOwnWrite = () => {
        const user = parameter('user');
        return user && Number(user) === Number(runtime.getCurrentUser().id);
    };

    const describe = (context) => JSON.stringify({
        type: context.newRecord.type,
        id: String(context.newRecord.id),
        event: context.type,
        lastModified: new Date().toISOString(),
    });

    /** HMAC-SHA256 over the time, a full stop and the body, in hexadecimal. The key never leaves NetSuite's keeping. */
    const sign = (secret, text) => {
        const key = crypto.createSecretKey({ secret, encoding: encode.Encoding.UTF_8 });
        const hmac = crypto.createHmac({ algorithm: crypto.HashAlg.SHA256, key });
        hmac.update({ input: text, inputEncoding: encode.Encoding.UTF_8 });
        return hmac.digest({ outputEncoding: encode.Encoding.HEX });
    };

    const headersFor = (body) => {
        const headers = { 'Content-Type': 'application/json' };
        const secret = parameter('secret');
        if (secret) {
            const seconds = String(Math.floor(Date.now() / 1000));
            headers['X-Waybill-Timestamp'] = seconds;
            headers['X-Waybill-Signature'] = sign(secret, `${seconds}.${body}`);
        }
        return headers;
    };

    const afterSubmit = (context) => {
        if (!TOLD.includes(String(context.type).toLowerCase()) || isOurOwnWrite()) {
            return;
        }
        try {
            const body = describe(context);
            const answer = https.post({ url: parameter('url'), headers: headersFor(body), body });
            if (answer.code >= 300) {
                log.error({ title: 'Waybill did not take an order event', details: `status ${answer.code}` });
            }
        } catch (error) {
            // Only the name: the message of a failed request may hold the address.
            log.error({ title: 'Waybill could not be told of an order', details: error.name });
        }
    };

    return { afterSubmit };
});
