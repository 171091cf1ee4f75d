import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('portfolios', '0001_initial'),
        ('portfolios', '0002_initial'),
        ('portfolios', '0003_kept_changes'),
        ('portfolios', '0004_directions'),
        ('portfolios', '0005_unpaid_amounts'),
    ]

    initial = True

    dependencies = [
        ('audit', '0001_tables'),
        ('reference', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalModel',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('code', models.CharField(max_length=40)),
                ('number', models.IntegerField(default=1)),
                ('name', models.CharField(max_length=80)),
                ('effective_date', models.DateField()),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical model',
                'verbose_name_plural': 'historical models',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Model',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40)),
                ('number', models.IntegerField(default=1)),
                ('name', models.CharField(max_length=80)),
                ('effective_date', models.DateField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('code', 'number'), name='one_model_a_version')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalPortfolio',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('code', models.CharField(db_index=True, max_length=40)),
                ('name', models.CharField(max_length=120)),
                ('custody_account', models.CharField(max_length=35)),
                ('team', models.CharField(help_text="the portfolio managers' team that runs it", max_length=20)),
                ('is_open', models.BooleanField(default=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('base_currency', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reference.currency')),
                ('custodian', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reference.custodian')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolios.model')),
            ],
            options={
                'verbose_name': 'historical portfolio',
                'verbose_name_plural': 'historical portfolios',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalModelWeight',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('weight_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('instrument', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reference.instrument')),
                ('model', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolios.model')),
            ],
            options={
                'verbose_name': 'historical model weight',
                'verbose_name_plural': 'historical model weights',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Portfolio',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('custody_account', models.CharField(max_length=35)),
                ('team', models.CharField(help_text="the portfolio managers' team that runs it", max_length=20)),
                ('is_open', models.BooleanField(default=True)),
                ('base_currency', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('custodian', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.custodian')),
                ('model', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.model')),
            ],
            options={
                'ordering': ['code'],
                'permissions': [('see_portfolio', 'See the portfolio'), ('run_portfolio', 'Create orders for the portfolio')],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='HistoricalMandate',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('equity_min_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('equity_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('fixed_income_min_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('fixed_income_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('cash_min_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('issuer_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('sector_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('portfolio', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'verbose_name': 'historical mandate',
                'verbose_name_plural': 'historical mandates',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalDirection',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('asset_class', models.CharField(blank=True, choices=[('EQUITY', 'Equity'), ('ETF', 'ETF'), ('CORP', 'Corporate bond'), ('GOVT', 'Government bond'), ('OPTION', 'Listed option'), ('FUTURE', 'Future'), ('FX', 'Foreign exchange'), ('FUND', 'Fund')], default='', help_text='empty: whatever no direction of its own says otherwise', max_length=10)),
                ('trades', models.CharField(choices=[('BEFORE', 'before the free orders'), ('WITH', 'at the same time as the free orders'), ('AFTER', 'after the free orders'), ('TURN', "in turn, by the desk's rotation")], default='AFTER', max_length=6)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, help_text='the last day; empty: until further notice', null=True)),
                ('basis', models.CharField(help_text="the client's letter or agreement, with its date", max_length=200)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('broker', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reference.broker')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('portfolio', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'verbose_name': 'historical direction',
                'verbose_name_plural': 'historical directions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Cash',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('currency', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('portfolio', 'currency'), name='one_cash_balance_a_currency')],
            },
        ),
        migrations.CreateModel(
            name='Position',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('qty', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('unpaid_amount', models.DecimalField(db_default=0, decimal_places=4, default=0, help_text="what was bought less what was sold without paying, in the instrument's currency", max_digits=20)),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('portfolio', 'instrument'), name='one_position_an_instrument')],
            },
        ),
        migrations.CreateModel(
            name='ModelWeight',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('weight_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='weights', to='portfolios.model')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('model', 'instrument'), name='one_weight_an_instrument')],
            },
        ),
        migrations.CreateModel(
            name='Movement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('OPENING', 'Opening'), ('TRADE', 'Trade'), ('REVERSAL', 'Reversal')], max_length=10)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20, null=True)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=20, null=True)),
                ('price', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('unpaid_amount', models.DecimalField(decimal_places=4, help_text='of a future: its value, bought (+) or sold (−) without paying', max_digits=20, null=True)),
                ('trade_date', models.DateField()),
                ('settle_date', models.DateField()),
                ('source', models.CharField(help_text='such as allocation:12', max_length=40)),
                ('act', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.actrow')),
                ('currency', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('instrument', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'indexes': [models.Index(fields=['portfolio', 'trade_date'], name='movements_by_portfolio')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('amount__isnull', True), ('currency__isnull', True), ('instrument__isnull', False), ('qty__isnull', False)), models.Q(('amount__isnull', False), ('currency__isnull', False), ('instrument__isnull', True), ('qty__isnull', True)), _connector='OR'), name='movement_is_of_units_or_of_money'), models.UniqueConstraint(fields=('source', 'kind', 'portfolio', 'instrument', 'currency'), name='a_source_moves_a_thing_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Mandate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('equity_min_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('equity_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('fixed_income_min_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('fixed_income_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('cash_min_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('issuer_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('sector_max_pct', models.DecimalField(decimal_places=4, max_digits=9)),
                ('portfolio', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='mandate', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('equity_min_pct__lte', models.F('equity_max_pct')), ('fixed_income_min_pct__lte', models.F('fixed_income_max_pct'))), name='bands_open_upwards')],
            },
        ),
        migrations.CreateModel(
            name='Direction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asset_class', models.CharField(blank=True, choices=[('EQUITY', 'Equity'), ('ETF', 'ETF'), ('CORP', 'Corporate bond'), ('GOVT', 'Government bond'), ('OPTION', 'Listed option'), ('FUTURE', 'Future'), ('FX', 'Foreign exchange'), ('FUND', 'Fund')], default='', help_text='empty: whatever no direction of its own says otherwise', max_length=10)),
                ('trades', models.CharField(choices=[('BEFORE', 'before the free orders'), ('WITH', 'at the same time as the free orders'), ('AFTER', 'after the free orders'), ('TURN', "in turn, by the desk's rotation")], default='AFTER', max_length=6)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, help_text='the last day; empty: until further notice', null=True)),
                ('basis', models.CharField(help_text="the client's letter or agreement, with its date", max_length=200)),
                ('broker', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('portfolio', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='directions', to='portfolios.portfolio')),
            ],
            options={
                'ordering': ['portfolio', 'asset_class', '-starts_on'],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='a_direction_ends_after_it_starts')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='direction',
            trigger=pgtrigger.compiler.Trigger(name='one_direction_a_day', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    PERFORM 1 FROM portfolios_portfolio WHERE id = NEW.portfolio_id FOR NO KEY UPDATE;\n                    IF EXISTS (\n                        SELECT 1 FROM portfolios_direction d WHERE d.portfolio_id = NEW.portfolio_id\n                        AND d.asset_class = NEW.asset_class AND d.id <> NEW.id\n                        AND daterange(d.starts_on, d.ends_on, '[]') && daterange(NEW.starts_on, NEW.ends_on, '[]')\n                    ) THEN\n                        RAISE EXCEPTION 'a portfolio has one direction a day and asset class'\n                        USING ERRCODE = 'exclusion_violation';\n                    END IF;\n                    RETURN NULL;\n                ", hash='045e6fec85ca460cd524ba5a2cb6ee083f86c45e', operation='INSERT OR UPDATE', pgid='pgtrigger_one_direction_a_day_fecbb', table='portfolios_direction', when='AFTER')),
        ),
    ]
